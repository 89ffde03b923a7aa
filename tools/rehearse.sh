#!/usr/bin/env bash
# make rehearse: memdeploy up against an embedded cloud, with an offline model. No account, no key, no cost.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$*" >&2; }

tools/environment.sh core
tools/servers.sh \
    "No container engine answers: the cloud's API alone is rehearsed, without servers behind it." \
    "A container engine answers and so does the public hub."

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
