import pytest

from turnwise.store import Grant, SignatureRejected, Signer


class At:
    def __init__(self) -> None:
        self.secs = 1_000.0

    def __call__(self) -> float:
        return self.secs


FULL = Grant(
    agent_id="agent_1",
    conversation_id="conv_1",
    branch_id="b",
    version_id="v",
    environment="staging",
)


@pytest.mark.parametrize("grant", [Grant(agent_id="agent_1"), FULL])
def test_what_was_signed_is_granted(grant: Grant) -> None:
    signer = Signer(b"k" * 32, At())
    signature = signer.sign(grant)
    assert signature.startswith("cvtkn_")
    assert signer.verify(signature, "agent_1") == grant


def test_a_signature_lasts_fifteen_minutes() -> None:
    now = At()
    signer = Signer(b"k" * 32, now)
    signature = signer.sign(FULL)
    now.secs += 15 * 60 - 1
    assert signer.verify(signature, "agent_1") == FULL
    now.secs += 1
    with pytest.raises(SignatureRejected, match="expired"):
        signer.verify(signature, "agent_1")


def test_a_signature_is_for_one_agent() -> None:
    signer = Signer(b"k" * 32, At())
    with pytest.raises(SignatureRejected, match="another agent"):
        signer.verify(signer.sign(FULL), "agent_2")


def test_nobody_else_can_sign() -> None:
    signer, other = Signer(b"k" * 32, At()), Signer(b"x" * 32, At())
    good = signer.sign(FULL)
    body, _, mac = good.partition(".")
    changed = body[:-2] + ("AA" if body[-2:] != "AA" else "BB")
    for bad in [
        "",
        "cvtkn_",
        ".",
        body,
        f"{body}.",
        f".{mac}",
        f"{changed}.{mac}",
        good + "A",
        other.sign(FULL),
        "\udc80.ä",
    ]:
        with pytest.raises(SignatureRejected, match="not valid"):
            signer.verify(bad, "agent_1")
