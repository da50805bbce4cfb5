"""What the operator chooses decides where users' URLs may lead."""

from typing import Any

import pytest

from turnwise.main import policy_of
from turnwise.outgoing import Policy
from turnwise.settings import Settings


@pytest.mark.parametrize(
    ("chosen", "policy"),
    [
        ({}, Policy()),
        ({"allow_private_network": True}, Policy(allow_private=True)),
        ({"dev": True}, Policy(allow_private=True)),
        (
            {"allowed_hosts": " CRM.internal., *.svc.local,,10.0.0.5 "},
            Policy(allowed_hosts=frozenset({"crm.internal", "*.svc.local", "10.0.0.5"})),
        ),
    ],
)
def test_settings_open_what_they_name_and_nothing_else(
    chosen: dict[str, Any], policy: Policy
) -> None:
    assert policy_of(Settings(**chosen)) == policy
