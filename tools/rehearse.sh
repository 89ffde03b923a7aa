#!/usr/bin/env bash
# make rehearse: memdeploy up against an embedded cloud, with an offline model. No account, no key, no cost.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$*" >&2; }

tools/environment.sh core
case $(.venv/bin/python tools/engine.py) in
    no-engine) say "No container engine answers: the cloud's API alone is rehearsed, without servers behind it." ;;
    no-hub)
        say "A container engine answers, the public hub does not: building the images from packages (tests/rig/up) ..."
        tests/rig/up >&2 || say "The images could not be built; going on with what is there."
        ;;
    hub) say "A container engine answers and so does the public hub." ;;
esac

code=0
.venv/bin/memdeploy up --provider gcp --rehearse --backing auto --model-provider offline --name rehearsal --yes "$@" || code=$?
if [ "$code" = 0 ]; then
    say ""
    say "Next, with .venv/bin/memdeploy:"
    say "  status --name rehearsal                how it is"
    say "  verify --name rehearsal                store and find a memory again"
    say "  destroy --name rehearsal --yes --delete-data"
    say "                                         remove it; a minute later destroy --finish and destroy --shared --yes"
    say "README.md says how to deploy for real."
fi
exit "$code"
