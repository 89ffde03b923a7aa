#!/usr/bin/env bash
# make test: everything this machine can run. What it could not run is printed at the end; with CI=true a missing
# container engine is a failure. Arguments go to pytest.
set -uo pipefail
cd "$(dirname "$0")/.."
started=$SECONDS

tools/environment.sh dev || exit 1
printf 'environment: %ss\n' "$((SECONDS - started))"

# As root in CI the engine and the images are made here; elsewhere an engine that answers is used as it is.
if [ "${CI:-}" = true ] && [ "$(id -u)" = 0 ]; then
    tests/rig/up || printf 'tests/rig/up failed: tests that need the engine will fail\n'
elif [ "$(.venv/bin/python tools/engine.py)" = no-hub ]; then
    tests/rig/up || printf 'tests/rig/up failed: tests that need its images cannot run\n'
fi

code=0
tools/lint.sh || code=1
.venv/bin/python -m pytest -v -n 2 --dist loadgroup "$@" || code=1
exit "$code"
