#!/usr/bin/env bash
# make test: everything this machine can run. What it could not run is printed at the end; with CI=true a missing
# container engine is a failure. Arguments go to pytest.
set -uo pipefail
cd "$(dirname "$0")/.."
started=$SECONDS

tools/environment.sh dev || exit 1
printf 'environment: %ss\n' "$((SECONDS - started))"
started=$SECONDS

# As root in CI the engine and the images are made here; elsewhere an engine that answers is used as it is.
if [ "${CI:-}" = true ] && [ "$(id -u)" = 0 ]; then
    tests/rig/up || printf 'tests/rig/up failed: tests that need the engine will fail\n'
elif [ "$(.venv/bin/python tools/engine.py)" = no-hub ]; then
    tests/rig/up || printf 'tests/rig/up failed: tests that need its images cannot run\n'
fi

printf 'engine and images: %ss\n' "$((SECONDS - started))"

part() { printf '%s: %ss\n' "$1" "$((SECONDS - since))"; since=$SECONDS; }

code=0 since=$SECONDS
tools/lint.sh || code=1
part lint
.venv/bin/python -m pytest -v -n 2 --dist loadgroup --durations 10 --durations-min 5 "$@" || code=1
exit "$code"
