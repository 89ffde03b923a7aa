#!/usr/bin/env bash
# make proof: the tests whose results docs/reliability.md tells, the long ones too. What needs a container engine runs
# where one answers. Arguments go to pytest, in the place of the folders that are run without any.
set -uo pipefail
cd "$(dirname "$0")/.."
tools/environment.sh dev || exit 1

# What takes longest begins first.
[ $# -gt 0 ] || set -- tests/e2e/test_local_crashes.py tests/e2e tests/crash tests/faults
found=$(.venv/bin/python tools/engine.py)
[ "$found" = no-engine ] || tests/rig/up || printf 'tests/rig/up failed: tests that need its images cannot run\n'

export MEMDEPLOY_TEST_SLOW=1 MEMDEPLOY_TEST_RESULTS
MEMDEPLOY_TEST_RESULTS=$(mktemp -d)
trap 'rm -rf "$MEMDEPLOY_TEST_RESULTS"' EXIT
code=0
.venv/bin/python -m pytest -v -n 3 --dist loadscope --no-loadscope-reorder --timeout 7200 --durations 10 --durations-min 5 "$@" || code=1
.venv/bin/python -m tests.support.proof docs/reliability.md || code=1
exit "$code"
