#!/usr/bin/env bash
# make test: everything this machine can run. What it could not run is printed at the end; with CI=true a missing
# container engine is a failure. Arguments go to pytest.
set -uo pipefail
cd "$(dirname "$0")/.."
started=$SECONDS

tools/environment.sh dev || exit 1
printf 'environment: %ss\n' "$((SECONDS - started))"
started=$SECONDS

# As root in CI an engine is started when none answers. Public images are pulled where that is possible; tests/rig/up
# builds those that are missing, and leaves the others as they are.
found=$(.venv/bin/python tools/engine.py)
if [ "$found" = hub ] && command -v docker >/dev/null; then
    for image in pgvector/pgvector:pg17 neo4j:5.26-community registry:2 python:3.12-slim-trixie; do
        docker image inspect "$image" >/dev/null 2>&1 || docker pull --quiet "$image" || true
    done
fi
if [ "$found" != no-engine ] || { [ "${CI:-}" = true ] && [ "$(id -u)" = 0 ]; }; then
    tests/rig/up || printf 'tests/rig/up failed: tests that need its images cannot run\n'
fi
printf 'engine and images: %ss\n' "$((SECONDS - started))"

part() { printf '%s: %ss\n' "$1" "$((SECONDS - since))"; since=$SECONDS; }

code=0 since=$SECONDS
tools/lint.sh || code=1
part lint
tools/sbom.sh || code=1
audit=$(tools/audit.sh) || code=1
part 'bill of materials and audit'
.venv/bin/python -m pytest -v -n 3 --dist loadscope --durations 10 --durations-min 5 "$@" || code=1
printf '%s\n' "$audit"
exit "$code"
