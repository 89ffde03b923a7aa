#!/usr/bin/env bash
# Known advisories on the locked packages, where their data can be reached. Says `audited: …`, exit 1 for findings, or
# `not audited: <why>`: pip-audit itself exits 0 after it skipped everything.
set -uo pipefail
cd "$(dirname "$0")/.."
found=$(mktemp) said=$(mktemp)
trap 'rm -f "$found" "$said"' EXIT
timeout 120 .venv/bin/pip-audit --strict --progress-spinner off --timeout 10 --disable-pip --require-hashes \
    --requirement requirements/core.txt --format json --output "$found" 2>"$said" </dev/null
code=$?
.venv/bin/python tools/audited.py "$code" "$found" "$said" requirements/core.txt
