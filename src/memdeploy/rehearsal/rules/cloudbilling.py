"""Cloud Billing v1: whether a project is billed, and the catalog of prices. https://cloud.google.com/billing/docs/reference/rest"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memdeploy.rehearsal.call import Call, Handler
from memdeploy.rehearsal.rules import cloudbilling_catalog

ACCOUNT = "billingAccounts/000000-111111-222222"


def get_billing_info(call: Call) -> Mapping[str, Any]:
    info: dict[str, Any] = {
        "name": f"projects/{call.project.id}/billingInfo",
        "projectId": call.project.id,
        "billingAccountName": ACCOUNT if call.project.billing else "",
    }
    return {**info, "billingEnabled": True} if call.project.billing else info  # false is left out, as proto3 JSON does


RULES: Mapping[str, Handler] = {
    "cloudbilling.projects.getBillingInfo": get_billing_info,
    **cloudbilling_catalog.RULES,
}
