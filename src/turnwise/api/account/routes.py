"""`/v1/user`: enough for clients that look before they start."""

from typing import Any

from turnwise.api.identity import USER_ID, WORKSPACE_ID
from turnwise.api.serving import Answer, Call, Slice
from turnwise.store import ApiKey

account = Slice()

UNLIMITED = 2**31 - 1

SUBSCRIPTION: dict[str, Any] = {
    "tier": "self_hosted",
    "character_count": 0,
    "character_limit": UNLIMITED,
    "max_character_limit_extension": None,
    "max_credit_limit_extension": "unlimited",
    "can_extend_character_limit": False,
    "allowed_to_extend_character_limit": False,
    "next_character_count_reset_unix": None,
    "voice_slots_used": 0,
    "professional_voice_slots_used": 0,
    "professional_voice_slots_used_in_workspace": 0,
    "voice_limit": UNLIMITED,
    "max_voice_add_edits": None,
    "voice_add_edit_counter": 0,
    "professional_voice_limit": 0,
    "can_extend_voice_limit": False,
    "can_use_instant_voice_cloning": False,
    "can_use_professional_voice_cloning": False,
    "currency": None,
    "current_overage": {"amount": "0", "currency": "usd"},
    "status": "active",
    "billing_period": None,
    "character_refresh_period": None,
    "open_invoices": [],
    "has_open_invoices": False,
}
"""Nobody pays here, and nobody counts."""


@account.serve("GET /v1/user")
async def get_user(call: Call) -> Answer:
    """Return who is asking: the one user of this server."""
    assert call.key is not None
    return {
        "user_id": USER_ID,
        "workspace_id": WORKSPACE_ID,
        "subscription": SUBSCRIPTION,
        "is_new_user": False,
        "can_use_delayed_payment_methods": False,
        "is_onboarding_completed": True,
        "is_onboarding_checklist_completed": True,
        "show_compliance_terms": False,
        "first_name": None,
        "is_api_key_hashed": True,
        "xi_api_key_preview": _preview(call.key),
        "created_at": call.key.created_at,
        "seat_type": "workspace_admin",
    }


@account.serve("GET /v1/user/subscription")
async def get_subscription(_call: Call) -> Answer:
    """Return what the one user may do: everything."""
    return SUBSCRIPTION


def _preview(key: ApiKey) -> str:
    return f"…{key.hint}"
