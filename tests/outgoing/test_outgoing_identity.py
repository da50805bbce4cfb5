"""Servers that want a certificate, and certificates that are none."""

from pathlib import Path

import pytest

from outgoing.certificates import Authority, Issued, guarded
from outgoing.outgoing_rig import listening, redirect
from turnwise.outgoing import ClientCertificate, Limits, Outgoing, OutgoingError, OutgoingRefused
from turnwise.outgoing.policy import Policy

pytestmark = pytest.mark.anyio
OURS, THEIRS, STRANGER = Authority("ours"), Authority("theirs"), Authority("stranger")
ME = OURS.issue("me")


def shown(issued: Issued = ME, /, **more: str) -> ClientCertificate:
    told = {"certificate": issued.pem, "key": issued.key_pem(), "authority": THEIRS.pem, **more}
    return ClientCertificate(**told)


@pytest.mark.parametrize("passphrase", ["", "hush"])
async def test_a_server_that_wants_a_certificate_is_shown_it(
    tmp_path: Path, passphrase: str
) -> None:
    me = shown(key=ME.key_pem(passphrase), passphrase=passphrase)
    outgoing = Outgoing(Policy(allow_private=True))
    async with guarded(tmp_path, THEIRS, OURS) as server:
        for _ in range(2):
            found = await outgoing.request("POST", server.url, content=b"{}", identity=me)
            assert (found.status, found.text) == (200, '{"ok": true}')
    assert server.seen == ["me", "me"]
    await outgoing.aclose()


@pytest.mark.parametrize(
    "identity",
    [None, shown(authority=""), shown(STRANGER.issue("me"))],
    ids=["nobody", "server not vouched for", "stranger"],
)
async def test_who_cannot_prove_it_gets_nothing(
    tmp_path: Path, identity: ClientCertificate | None
) -> None:
    outgoing = Outgoing(Policy(allow_private=True))
    async with guarded(tmp_path, THEIRS, OURS) as server:
        with pytest.raises(OutgoingError):
            await outgoing.request("GET", server.url, identity=identity)
    assert server.seen == []
    await outgoing.aclose()


@pytest.mark.parametrize(
    "broken",
    [
        {"certificate": "none"},
        {"key": "none"},
        {"key": STRANGER.own.key_pem()},
        {"key": ME.key_pem("hush")},
        {"key": ME.key_pem("hush"), "passphrase": "wrong"},
        {"authority": "none"},
        {"certificate": "grüß"},
    ],
)
async def test_a_certificate_that_is_none_is_said_and_never_quoted(broken: dict[str, str]) -> None:
    outgoing = Outgoing(Policy(allow_private=True))
    with pytest.raises(OutgoingRefused, match="is none") as refused:
        await outgoing.request("GET", "https://127.0.0.1:1/", identity=shown(**broken))
    assert "hush" not in str(refused.value)
    await outgoing.aclose()


async def test_it_is_shown_to_nobody_who_cannot_prove_who_they_are_or_beyond_a_redirect(
    tmp_path: Path,
) -> None:
    outgoing = Outgoing(Policy(allow_private=True))
    async with listening() as plain:
        with pytest.raises(OutgoingRefused, match="only shown to https"):
            await outgoing.request("GET", f"http://127.0.0.1:{plain.port}/", identity=shown())
        away = redirect(f"https://127.0.0.1:{plain.port}/")
        async with guarded(tmp_path, THEIRS, OURS, away) as server:
            limits = Limits(redirects=3)
            found = await outgoing.request("GET", server.url, identity=shown(), limits=limits)
        assert (found.status, plain.connections) == (302, 0)
    await outgoing.aclose()


async def test_the_policy_holds_for_it_too(tmp_path: Path) -> None:
    outgoing = Outgoing(Policy())
    async with guarded(tmp_path, THEIRS, OURS) as server:
        with pytest.raises(OutgoingRefused, match="must not lead"):
            await outgoing.request("GET", server.url, identity=shown())
    assert server.seen == []
    await outgoing.aclose()
