#!/usr/bin/env bash
# make lock: resolves pyproject.toml into requirements/*.txt, with hashes, for every platform and without any host.
set -euo pipefail
cd "$(dirname "$0")/.."
uv=$(command -v uv || printf '%s' .venv/bin/uv)
compile=("$uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate
    --no-emit-index-url --no-emit-find-links --no-header)

"${compile[@]}" --upgrade pyproject.toml -o requirements/core.txt
"${compile[@]}" --upgrade requirements/build.in -o requirements/build.txt
"${compile[@]}" pyproject.toml --group dev requirements/build.in \
    -c requirements/core.txt -c requirements/build.txt -o requirements/dev.txt
