#!/usr/bin/env bash
# Makes .venv and installs a locked set of packages into it:  tools/environment.sh core|dev
# Needs Python 3.11 or newer and nothing else. Every package is checked against the hashes in requirements/.
set -euo pipefail
cd "$(dirname "$0")/.."
wanted=${1:?core or dev}

say() { printf '%s\n' "$*" >&2; }

find_python() {
    local name
    for name in ${PYTHON:-} python3 python3.13 python3.12 python3.11 /usr/bin/python3; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            printf '%s\n' "$name"
            return
        fi
    done
    say "memdeploy needs Python 3.11 or newer. On Debian or Ubuntu: sudo apt-get install -y python3 python3-venv"
    exit 1
}

# Debian splits ensurepip off into python3-venv.
install_venv() {
    local command="apt-get install -y --no-install-recommends python3-venv" as=""
    if [ "$(id -u)" != 0 ]; then
        as="sudo -n"
        $as true 2>/dev/null || { say "Python's venv is missing. Run this once, then again: sudo $command"; exit 1; }
    fi
    command -v apt-get >/dev/null || { say "Python's venv module is missing; install it with your package manager."; exit 1; }
    say "installing python3-venv ..."
    $as apt-get update -qq >&2 || true
    DEBIAN_FRONTEND=noninteractive $as $command >&2
}

make_venv() {
    local python
    python=$(find_python)
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        install_venv
        # Another Python than Debian's own may still have none.
        "$python" -c 'import ensurepip, venv' 2>/dev/null || python=/usr/bin/python3
    fi
    rm -rf .venv
    "$python" -m venv .venv
}

# With pip, and of the lock uv alone, which then does the rest in a tenth of the time. An index that only pip is configured
# for is out of its reach: then pip does it all.
install() {
    local pip=(.venv/bin/python -m pip --quiet --disable-pip-version-check --no-input install) locks=(dev.txt) lock
    [ "$wanted" = dev ] || locks=(build.txt core.txt)
    say "installing ${wanted} packages into .venv ..."
    "${pip[@]}" --require-hashes -r <(sed -n '/^uv==/,/^[^ ]/{/^uv==/p;/^ /p;}' requirements/core.txt)
    [ ! -e /etc/ssl/certs/ca-certificates.crt ] || export UV_SYSTEM_CERTS="${UV_SYSTEM_CERTS:-1}"
    [ -z "${PIP_INDEX_URL:-}" ] || export UV_DEFAULT_INDEX="${UV_DEFAULT_INDEX:-$PIP_INDEX_URL}"
    local uv=(.venv/bin/uv pip install --quiet --no-config --no-cache --python .venv/bin/python)
    for lock in "${locks[@]}"; do
        "${uv[@]}" --require-hashes --no-deps -r "requirements/$lock" && continue
        say "uv could not; going on with pip ..."
        "${pip[@]}" --require-hashes -r "requirements/$lock"
    done
    "${pip[@]}" --no-deps --no-build-isolation --editable .
}

stamp=$(cat requirements/*.txt pyproject.toml | sha256sum | cut -d' ' -f1)
if [ ! -x .venv/bin/python ] || ! .venv/bin/python -c '' 2>/dev/null; then
    make_venv
fi
for done in dev "$wanted"; do
    if [ "$(cat ".venv/.installed-$done" 2>/dev/null || true)" = "$stamp" ]; then
        exit 0
    fi
done
install
printf '%s\n' "$stamp" >".venv/.installed-$wanted"
