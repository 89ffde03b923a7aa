#!/usr/bin/env bash
# make up: MemMachine on this machine, in containers where an engine answers, else as a process. No account, no key.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$*" >&2; }

tools/environment.sh core
tools/servers.sh \
    "No container engine answers: MemMachine runs as a process, with SQLite and an index on disk." \
    "A container engine answers, and so does the public hub: MemMachine and its databases run in containers."

code=0
.venv/bin/memdeploy up --provider local --yes "$@" || code=$?
if [ "$code" = 0 ]; then
    say ""
    say "The two curl lines above store a memory and find it. Next, with .venv/bin/memdeploy:"
    say "  status                                 how it is"
    say "  logs                                   what MemMachine says"
    say "  destroy --yes                          stop it, and keep the memories for the next \`make up\`"
    say "  destroy --yes --delete-data            remove it, memories and all"
    say "README.md says how to deploy it into a cloud, and how to rehearse that first."
fi
exit "$code"
