#!/usr/bin/env bash
# Which servers this machine can have: says it, and builds the images where the public hub cannot be reached.
# Arguments: what to say without an engine, and with an engine and the hub.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$*" >&2; }

case $(.venv/bin/python tools/engine.py) in
    no-engine) say "$1" ;;
    no-hub)
        say "A container engine answers, the public hub does not: building the images from packages (tests/rig/up) ..."
        tests/rig/up >&2 || say "The images could not be built; going on with what is there."
        ;;
    hub) say "$2" ;;
esac
