"""`/v1/user`, `/v1/models`, `/v1/voices`: enough for clients that look before they start."""

from typing import Any

from fastapi import APIRouter

from turnwise.api.auth import NEEDS_KEY, WithKey
from turnwise.api.deps import WithDeps
from turnwise.store import ApiKey

router = APIRouter(prefix="/v1", tags=["account"], dependencies=[NEEDS_KEY])

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


@router.get("/user")
async def get_user(key: WithKey) -> dict[str, Any]:
    """Return who is asking: the one user of this server."""
    return {
        "user_id": "user_local",
        "workspace_id": "workspace_local",
        "subscription": SUBSCRIPTION,
        "is_new_user": False,
        "can_use_delayed_payment_methods": False,
        "is_onboarding_completed": True,
        "is_onboarding_checklist_completed": True,
        "show_compliance_terms": False,
        "first_name": None,
        "is_api_key_hashed": True,
        "xi_api_key_preview": _preview(key),
        "created_at": key.created_at,
        "seat_type": "workspace_admin",
    }


@router.get("/user/subscription")
async def get_subscription() -> dict[str, Any]:
    """Return what the one user may do: everything."""
    return SUBSCRIPTION


@router.get("/models")
async def list_models(deps: WithDeps) -> list[dict[str, Any]]:
    """Return the speech models at hand."""
    return [dict(model) for model in deps.models]


@router.get("/voices")
async def list_voices(deps: WithDeps) -> dict[str, Any]:
    """Return the voices at hand."""
    return {"voices": [dict(voice) for voice in deps.voices]}


def _preview(key: ApiKey) -> str:
    return f"…{key.hint}"
