#!/usr/bin/env bash
# Which software memdeploy brings along, as a bill of materials: build/sbom.cdx.json (CycloneDX), made of the lock alone.
# Exit 1 when a locked package is not in it.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p build
PYTHONWARNINGS=ignore .venv/bin/cyclonedx-py requirements --pyproject pyproject.toml --mc-type application --output-reproducible \
    --of JSON -o build/sbom.cdx.json requirements/core.txt
.venv/bin/python - build/sbom.cdx.json requirements/core.txt <<'CHECK'
import json, re, sys

bill, lock = (open(path).read() for path in sys.argv[1:])
listed = {(part["name"], part.get("version")) for part in json.loads(bill)["components"]}
locked = set(re.findall(r"^([a-z0-9._-]+)==([^\s;\\]+)", lock, re.MULTILINE))
if missing := locked - listed:
    sys.exit(f"bill of materials: {len(missing)} of {len(locked)} locked packages are missing: {sorted(missing)}")
print(f"ok: bill of materials: {len(locked)} packages in {sys.argv[1]}")
CHECK
