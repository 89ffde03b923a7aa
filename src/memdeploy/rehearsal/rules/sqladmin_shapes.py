"""What Cloud SQL accepts for a PostgreSQL instance: names, editions and tiers, backups, addresses. Pure.

Each function returns the text of the first thing wrong, or None. The API answers these as
`400 Invalid request: <text>.` with reason `invalid`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

# https://cloud.google.com/sql/docs/postgres/instance-settings: lowercase letters, numbers and hyphens, starts with a
# letter; "the total length of project-ID:instance-ID must be 98 characters or fewer".
_NAME = re.compile(r"[a-z]([a-z0-9-]*[a-z0-9])?")
_NAME_AND_PROJECT = 98

# https://cloud.google.com/sql/docs/postgres/create-instance#machine-types
_SHARED_CORE = ("db-f1-micro", "db-g1-small")
_CUSTOM = re.compile(r"db-custom-(\d+)-(\d+)")
_PLUS = re.compile(r"db-(perf-optimized-N-(2|4|8|16|32|48|64|80|96|128)|c4a-highmem-(1|4|8|16|32|48|64|72))")
_MACHINE_TYPES = "https://cloud.google.com/sql/docs/postgres/create-instance#machine-types"

_RETENTION_DAYS = {"ENTERPRISE": 7, "ENTERPRISE_PLUS": 35}


def name_problem(project: str, name: str) -> str | None:
    if not name or not _NAME.fullmatch(name):
        return f"Invalid instance name ({name})"
    if len(f"{project}:{name}") > _NAME_AND_PROJECT:
        return f"Instance name ({name}) is too long"
    return None


def edition(version: str, settings: Mapping[str, Any]) -> str:
    """The edition asked for, or the API's default: ENTERPRISE_PLUS from PostgreSQL 16 on
    (GoogleCloudPlatform/magic-modules#18014, hashicorp/terraform-provider-google#20498)."""
    asked = settings.get("edition") or "EDITION_UNSPECIFIED"
    if asked != "EDITION_UNSPECIFIED":
        return str(asked)
    major = _major(version)
    return "ENTERPRISE_PLUS" if major is not None and major >= 16 else "ENTERPRISE"


def settings_problem(version: str, settings: Mapping[str, Any]) -> str | None:
    """Looks at complete settings: what was sent, merged over what there is."""
    if _major(version) is None:
        return f"Invalid value for databaseVersion: {version}"  # the rehearsal keeps PostgreSQL only
    checks = (
        _tier_problem(edition(version, settings), str(settings.get("tier") or "")),
        _disk_problem(settings),
        _activation_problem(settings),
        _backup_problem(edition(version, settings), settings.get("backupConfiguration") or {}),
        _address_problem(settings.get("ipConfiguration") or {}),
    )
    return next((problem for problem in checks if problem), None)


def _major(version: str) -> int | None:
    match = re.fullmatch(r"POSTGRES_(\d+)(_\d+)?", version)
    return int(match[1]) if match else None


def _tier_problem(chosen: str, tier: str) -> str | None:
    if not tier:
        return "Missing parameter: tier"
    if chosen == "ENTERPRISE_PLUS":
        if _PLUS.fullmatch(tier):
            return None
        return (
            f"Invalid Tier ({tier}) for (ENTERPRISE_PLUS) Edition. Use a predefined Tier like db-perf-optimized-N-* "
            f"instead. Learn more at {_MACHINE_TYPES}"
        )
    if tier in _SHARED_CORE:
        return None
    custom = _CUSTOM.fullmatch(tier)
    if not custom:
        return f"Invalid Tier ({tier}) for ({chosen}) Edition. Learn more at {_MACHINE_TYPES}"
    return _custom_problem(tier, int(custom[1]), int(custom[2]))


def _custom_problem(tier: str, cpus: int, memory_mb: int) -> str | None:
    # Same page: 1 vCPU or an even number up to 96; memory 0.9 to 6.5 GB a vCPU, a multiple of 256 MB, at least 3.75 GB.
    fits = memory_mb % 256 == 0 and memory_mb >= 3840 and 0.9 * 1024 * cpus <= memory_mb <= 6.5 * 1024 * cpus
    if (cpus != 1 and cpus % 2) or not 1 <= cpus <= 96 or not fits:
        return f"Invalid Tier ({tier})"
    return None


def _disk_problem(settings: Mapping[str, Any]) -> str | None:
    # Discovery document, Settings.dataDiskSizeGb: "The data disk size minimum is 10GB."
    size = int(settings.get("dataDiskSizeGb") or 10)
    return None if size >= 10 else f"Invalid disk size ({size} GB): the minimum is 10 GB"


def _activation_problem(settings: Mapping[str, Any]) -> str | None:
    # hashicorp/terraform-provider-google#8445
    if settings.get("activationPolicy") == "ON_DEMAND":
        return "Invalid flag for instance role: GCE instances do not support 'ON_DEMAND' activation policy."
    return None


def _backup_problem(chosen: str, backup: Mapping[str, Any]) -> str | None:
    days = backup.get("transactionLogRetentionDays")
    highest = _RETENTION_DAYS.get(chosen, 7)
    if days is not None and not 1 <= int(days) <= highest:  # langfuse/langfuse-terraform-gcp#8
        return f"The number of transaction log retention days must be between 1 and {highest}"
    if backup.get("pointInTimeRecoveryEnabled") and not backup.get("enabled"):
        return "Point in time recovery cannot be enabled when backup is disabled"
    if backup.get("binaryLogEnabled"):  # discovery document: "(MySQL only)"
        return "Binary log can only be enabled for MySQL instances"
    return None


def _address_problem(ip: Mapping[str, Any]) -> str | None:
    if ip.get("ipv4Enabled") is False and not ip.get("privateNetwork"):
        return "At least one of Public IP or Private IP or PSC connectivity must be enabled"
    if ip.get("allocatedIpRange") and not ip.get("privateNetwork"):
        return "Allocated IP range can only be set with a private network"
    # Discovery document, IpConfiguration.sslMode: which pairs with the older requireSsl are valid.
    if ip.get("requireSsl") and ip.get("sslMode") == "ALLOW_UNENCRYPTED_AND_ENCRYPTED":
        return "Conflicting values for requireSsl and sslMode"
    return None
