"""Where sound goes through: the port range, the address outside, the relays."""

import base64
import hashlib
import hmac
import re
import socket
from pathlib import Path

import pytest

from gateway.room_rig import leaving_nothing, serving
from turnwise.base.errors import ConfigError
from turnwise.gateway.webrtc.ice import TURN_LIFETIME_S, Ice, Relays
from turnwise.settings import load
from turnwise.testing.room_caller import RoomCaller

pytestmark = [pytest.mark.timeout(120)]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def test_relays_with_a_secret_get_a_name_and_password_for_each_call() -> None:
    relays = Relays(urls=("turn:relay:3478",), secret="shared")  # noqa: S106
    name, password = relays.credentials("conv_1", 1_000.5)
    assert name == f"{1_000 + TURN_LIFETIME_S}:conv_1"
    expected = hmac.new(b"shared", name.encode(), hashlib.sha1).digest()
    assert base64.b64decode(password) == expected


def test_relays_without_a_secret_have_one_name_and_password() -> None:
    relays = Relays(urls=("turn:relay:3478",), username="user", password="word")  # noqa: S106
    assert relays.credentials("conv_1", 0) == ("user", "word")
    assert "word" not in repr(relays)


@pytest.mark.parametrize(
    ("address", "mapped"),
    [("10.0.0.5", True), ("192.168.1.9", True), ("127.0.0.1", False), ("8.8.8.8", False)],
)
def test_private_addresses_are_told_as_the_public_one(address: str, mapped: bool) -> None:  # noqa: FBT001
    line = f"a=candidate:1 1 udp 2130706431 {address} 50001 typ host"
    told = Ice(public_address="203.0.113.7").advertised(f"v=0\r\n{line}\r\na=end\r\n")
    shown = "203.0.113.7" if mapped else address
    assert told == f"v=0\r\n{line.replace(address, shown)}\r\na=end\r\n"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("webrtc_ports", "50000"),
        ("webrtc_ports", "50100-50000"),
        ("webrtc_ports", "80-90"),
        ("webrtc_ports", "x-y"),
        ("webrtc_ports", "60000-70000"),
        ("webrtc_address", "example.org"),
        ("turn_urls", "https://relay.example"),
        ("turn_urls", "turn:relay.example, relay.example"),
    ],
)
def test_settings_that_make_no_sense_are_refused(name: str, value: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=name.replace("_", "-")):
        load({name: value}, {}, tmp_path / "none.toml")


def free_range(size: int) -> range:
    """Ports that nobody uses now."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        first = int(probe.getsockname()[1])
    return range(min(first, 65_500 - size), min(first, 65_500 - size) + size)


@pytest.mark.anyio
async def test_the_sound_of_calls_keeps_to_the_settings(tmp_path: Path) -> None:
    ports = free_range(40)
    settings = {
        "webrtc_ports": f"{ports[0]}-{ports[-1]}",
        "turn_urls": "turn:relay.example:3478, turns:relay.example:5349",
        "turn_secret": "shared",
    }
    async with serving(tmp_path, **settings) as house:
        agent_id = await house.agent()
        async with leaving_nothing():
            for _ in range(2):
                made = await house.token(agent_id)
                async with RoomCaller(house.socket_url, made["token"]) as caller:
                    await caller.join()
                    await caller.begin()
                    await caller.message("agent_response")
                    signals = caller.happened.signals
                    sdp = signals[1].offer.sdp + next(
                        each.answer.sdp for each in signals if each.HasField("answer")
                    )
                    found = re.findall(r"a=candidate:\S+ 1 udp \d+ \S+ (\d+)", sdp)
                    assert found
                    assert all(int(port) in ports for port in found)
                    relays = signals[0].join.ice_servers[0]
                    assert len(relays.urls) == 2
                    assert relays.username.endswith(made["conversation_id"])
                    await caller.send(leave={})
                    await caller.closed()
                await house.ended(made["conversation_id"])


@pytest.mark.anyio
async def test_a_call_without_a_free_port_is_ended_with_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("turnwise.gateway.webrtc.line.CONNECT_S", 0.5)
    monkeypatch.setattr("turnwise.gateway.webrtc.room.FAREWELL_S", 0.1)
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as taken:
        taken.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        taken.bind(("::", 0))
        port = taken.getsockname()[1]
        async with serving(tmp_path, webrtc_ports=f"{port}-{port}") as house:
            made = await house.token(await house.agent())
            async with RoomCaller(house.socket_url, made["token"]) as caller:
                await caller.signal_on()
                code, reason = await caller.closed()
        assert code == 1002
        assert reason.startswith("no connection for sound")
    assert "no UDP port is free" in caplog.text
