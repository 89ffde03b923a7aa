#!/usr/bin/env bash
# make lint: style, types, and who may import whom. All of them run; the exit code is 1 when any fails.
set -uo pipefail
cd "$(dirname "$0")/.."
code=0

check() {
    local started=$SECONDS
    "$@" || { code=1; printf 'FAILED: %s\n' "$*"; return; }
    printf 'ok: %s (%ss)\n' "$*" "$((SECONDS - started))"
}

export PATH="$PWD/.venv/bin:$PATH"
check ruff check --quiet .
check ruff format --quiet --check .
check mypy --no-error-summary
check lint-imports --no-logo
exit "$code"
