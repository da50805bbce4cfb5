"""What is stored of the numbers that carriers connect: their ids, their agents, their secrets."""

import base64
import hmac
import json
from collections.abc import Iterable, Sequence

from turnwise.store import Record, Transaction, Vault

PHONE_NUMBER = "phone_number"
_TWILIO = "twilio"


async def number_of(tx: Transaction, number: str) -> Record | None:
    """Return what is stored of a number; None: nothing."""
    if not number:
        return None
    stored = await tx.records.all(PHONE_NUMBER)
    return next((each for each in stored if each.document.get("phone_number") == number), None)


async def signing_tokens(tx: Transaction, vault: Vault) -> list[str]:
    """Return the tokens with which Twilio signs its requests for the stored numbers.

    Raises:
        SecretSealed: If they were sealed with another key.
    """
    found = []
    for record in await tx.records.all(PHONE_NUMBER, labels=[_TWILIO]):
        sealed = record.document.get("sealed")
        secrets = json.loads(vault.open(sealed)) if sealed else {}
        # with the key of an API (SK…), the account's own token is beside it
        token = secrets.get("account_auth_token")
        if token is None and str(record.document.get("sid", "")).startswith("AC"):
            token = secrets.get("token")
        if token:
            found.append(str(token))
    return found


def is_signed(signature: str, urls: Sequence[str], tokens: Iterable[str]) -> bool:
    """Return whether Twilio signed a request with one of these tokens.

    Args:
        signature: The header `X-Twilio-Signature`.
        urls: How Twilio may have called the address: schemes differ behind proxies.
        tokens: Of accounts.
    """  # twilio.com/docs/usage/security
    given = signature.encode(errors="replace")
    return any(
        hmac.compare_digest(
            base64.b64encode(hmac.digest(token.encode(), url.encode(), "sha1")), given
        )
        for token in tokens
        for url in urls
    )
