"""Stand-ins for two tools of Container-Optimized OS, called by their names: iptables and docker-credential-gcr.

iptables keeps the rules of a start in memory and refuses what the real one would not understand; nothing is filtered:
a container without privileges has no firewall of its own. docker-credential-gcr writes the configuration file.
"""

from __future__ import annotations

import ipaddress
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

RULES = Path("/run/rehearsal-iptables.json")
CHAINS = ("INPUT", "OUTPUT", "FORWARD")
VALUES = frozenset(
    (
        *("-p", "--protocol", "--dport", "--destination-port", "--sport", "-s", "--source"),
        *("-d", "--destination", "-j", "--jump", "-m", "-i", "-o"),
    )
)


def parse_rule(argv: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """(`-A`, (chain, option, value, …)); ValueError with the real tool's words."""
    words = [word for word in argv if word not in ("-w", "--wait")]
    if len(words) < 2 or words[0] not in ("-A", "-I", "-C", "-D"):
        raise ValueError("no command specified")
    chain, *rest = words[1:]
    if chain not in CHAINS:
        raise ValueError("No chain/target/match by that name.")
    if rest and rest[0].isdigit():
        rest = rest[1:]
    check_options(rest)
    return words[0], (chain, *rest)


def check_options(rest: Sequence[str]) -> None:
    for option, value in zip(rest[::2], [*rest[1::2], *([None] * (len(rest) % 2))], strict=True):
        if option not in VALUES:
            raise ValueError(f'unknown option "{option}"')
        if value is None:
            raise ValueError(f'option "{option}" requires an argument')
        if option in ("-s", "--source", "-d", "--destination"):
            ipaddress.ip_network(value, strict=False)


def iptables(argv: Sequence[str]) -> int:
    try:
        command, rule = parse_rule(argv)
    except ValueError as error:
        sys.stderr.write(f"iptables: {error}\n")
        return 2
    rules = [tuple(kept) for kept in json.loads(RULES.read_text())] if RULES.exists() else []
    if command in ("-C", "-D") and rule not in rules:
        sys.stderr.write("iptables: Bad rule (does a matching rule exist in that chain?).\n")
        return 1
    if command == "-D":
        rules.remove(rule)
    elif command != "-C":
        rules.append(rule)
    RULES.write_text(json.dumps(rules))
    return 0


def credential_gcr(argv: Sequence[str]) -> int:
    """`configure-docker --registries=A,B`; $HOME or $DOCKER_CONFIG must be writable, which /root there is not."""
    if not argv or argv[0] != "configure-docker":
        sys.stderr.write("docker-credential-gcr: only configure-docker is known here\n")
        return 2
    if "DOCKER_CONFIG" not in os.environ and "HOME" not in os.environ:
        sys.stderr.write("docker-credential-gcr: $HOME is not defined\n")
        return 1
    folder = Path(os.environ.get("DOCKER_CONFIG") or Path(os.environ["HOME"]) / ".docker")
    names = " ".join(argv[1:]).replace("--registries", " ").replace("=", " ").replace(",", " ").split()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(json.dumps({"credHelpers": dict.fromkeys(names, "gcr")}))
    except OSError as error:
        sys.stderr.write(f"docker-credential-gcr: unable to configure docker: {error}\n")
        return 1
    return 0


TOOLS = {"iptables": iptables, "docker-credential-gcr": credential_gcr}

if __name__ == "__main__":
    sys.exit(TOOLS[Path(sys.argv[0]).name](sys.argv[1:]))
