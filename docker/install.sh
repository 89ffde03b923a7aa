#!/bin/sh
# Brings an image to the one layout: /app/.venv with MemMachine, NLTK's data outside /root, bytecode for all of it.
# usage: install.sh RELEASE        (while the image is built, as root)
set -eu

release=$1
python=/usr/local/bin/python3 # not upstream's: its PATH begins with its virtual environment, which has no pip
venv=/app/.venv
nltk=/usr/local/share/nltk_data
here=/opt/memdeploy/requirements

pip_install() { # into the virtual environment, which has no pip of its own
  "$python" -m pip --python "$venv/bin/python" install --quiet --disable-pip-version-check --root-user-action=ignore \
    --no-cache-dir --no-compile --no-deps --only-binary :all: "$@"
}

from_pypi() {
  "$python" -m venv --without-pip "$venv"
  pip_install --require-hashes --requirement "$here/memmachine-$release.txt"
  # Upstream's build downloads NLTK's data; this wheel ships the same files.
  scratch=$(mktemp -d)
  "$python" -m pip download --quiet --disable-pip-version-check --no-cache-dir --no-deps --only-binary :all: \
    --require-hashes --requirement "$here/nltk-data.txt" --dest "$scratch"
  "$python" -m zipfile -e "$scratch"/*.whl "$scratch/wheel"
  mkdir -p "$nltk"
  cp -r "$scratch"/wheel/llama_index/core/_static/nltk_cache/corpora \
    "$scratch"/wheel/llama_index/core/_static/nltk_cache/tokenizers "$nltk/"
  find "$nltk" -name '*.zip' -delete
  rm -rf "$scratch"
}

from_upstream() {
  found=$("$venv/bin/python" -c 'from importlib.metadata import version; print(version("memmachine-server"))')
  [ "$found" = "$release" ] || { echo "the base holds MemMachine $found, not $release" >&2; exit 1; }
  mkdir -p "$nltk"
  cp -r /root/nltk_data/. "$nltk/"
  # Vectors are unpacked in C instead of Python; only the extension of the very same driver version fits.
  driver=$("$venv/bin/python" -c 'from importlib.metadata import version; print(version("neo4j"))')
  pip_install "neo4j-rust-ext==$driver.*"
}

if [ -x "$venv/bin/memmachine-server" ]; then from_upstream; else from_pypi; fi
# Unchecked: whoever copies layers may change times, and nobody edits sources in an image. The interpreter's own library
# too: official images ship it without. What cannot be compiled (templates, old syntax) is none of what bytecode.py asks for.
"$venv/bin/python" -m compileall -q -j 0 --invalidation-mode unchecked-hash -x '/(test|tests|idlelib|tkinter|lib2to3)/' \
  "$venv/lib" /usr/local/lib/python3.12 > /dev/null || true
# Only what lacks a right: a changed mode, even to the same one, would copy the file from upstream's layers into ours.
find /app "$nltk" ! -type l \( ! -perm -444 -o \( \( -type d -o -perm /111 \) ! -perm -111 \) \) -exec chmod a+rX {} +
