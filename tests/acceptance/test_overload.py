"""More than a server should have to bear: those who behave do not feel it."""

import base64
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from acceptance.callers import AS_TEXT, INIT, Caller
from acceptance.conftest import MakeHouse
from acceptance.house import House, agent, wait_until
from acceptance.speech import HZ, spoken, to_wire

pytestmark = pytest.mark.acceptance

HOURS = "We are open from ten to six."
LONG = "Once upon a time there was a very long story. " * 40


@pytest.fixture(scope="module")
def small_house(make_house: MakeHouse) -> House:
    return make_house(MOST_CALLS="12")


@contextmanager
def deaf(url: str) -> Iterator[ClientConnection]:
    """A client that reads nothing, and has hardly any room for what it does not read."""
    host, port = url.split("/")[2].split(":")
    bare = socket.socket()
    bare.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    bare.connect((host, int(port)))
    with connect(url, sock=bare, compression=None, max_queue=1, close_timeout=0.1) as found:
        found.send(json.dumps(INIT))
        yield found


def keep_on(sending: ClientConnection, message: str, a_second: int, until: threading.Event) -> None:
    """Send a message again and again, at a rate, as long as anybody takes it."""
    began, sent = time.monotonic(), 0
    with suppress(ConnectionClosed, TimeoutError, OSError):
        while not until.wait(max(0.0, began + sent / a_second - time.monotonic())):
            sending.send(message)
            sent += 1


def drip(url: str, until: threading.Event) -> None:
    """Call, and say everything one byte at a time."""
    host, port = url.split("/")[2].split(":")
    path = "/" + url.split("/", 3)[3]
    head = (
        f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    ).encode()
    text = json.dumps({"type": "user_message", "text": "When are you open?"}).encode()
    frame = bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text  # masked with nothing
    with suppress(OSError), socket.create_connection((host, int(port))) as bare:
        bare.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in head:
            bare.sendall(bytes([byte]))
        while not until.is_set():
            for byte in frame:
                bare.sendall(bytes([byte]))


@contextmanager
def nuisances(house: House) -> Iterator[None]:
    """Two who do not read, two who send a hundred times real time, two who drip, one who floods."""
    story = house.socket_url(house.create(agent(HOURS, LONG)))
    half_a_second = np.resize(spoken("hello"), HZ // 2)
    sound = base64.b64encode(to_wire(half_a_second, "pcm_16000")).decode()
    audio: dict[str, Any] = {"user_audio_chunk": sound}
    until = threading.Event()
    with ExitStack() as stack:
        threads = []
        for _ in range(2):
            reader = stack.enter_context(deaf(story))
            asking = json.dumps({"type": "user_message", "text": "When are you open?"})
            threads.append(threading.Thread(target=keep_on, args=(reader, asking, 100, until)))
        for _ in range(2):
            fast = stack.enter_context(Caller(story))
            threads.append(
                threading.Thread(target=keep_on, args=(fast._socket, json.dumps(audio), 190, until))
            )
        threads += [threading.Thread(target=drip, args=(story, until)) for _ in range(2)]
        flooding = stack.enter_context(Caller(story, AS_TEXT))
        threads.append(
            threading.Thread(
                target=keep_on,
                args=(flooding._socket, '{"type": "user_activity"}', 100_000, until),
            )
        )
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            until.set()
            for thread in threads:
                thread.join(10)


def test_those_who_behave_do_not_feel_those_who_do_not(small_house: House) -> None:
    url = small_house.socket_url(small_house.create(agent(HOURS, "Hello!")))
    with ExitStack() as stack:
        writer = stack.enter_context(Caller(url, AS_TEXT))
        speaker = stack.enter_context(Caller(url))
        for caller in (writer, speaker):
            caller.wait("agent_response")
        stack.enter_context(nuisances(small_house))
        for number in range(2, 8):
            for caller in (writer, speaker):
                caller.write("When are you open?")
                caller.wait("agent_response", number, limit_s=15)
        assert writer.replies() == ["Hello!"] + [HOURS] * 6
        speaker.wait_for_quiet()
        assert speaker.closed is None
        assert writer.closed is None
        more = [stack.enter_context(Caller(url, AS_TEXT)) for _ in range(12)]
        wait_until(lambda: any(each.closed for each in more), "a refusal")
        assert {each.closed for each in more if each.closed} == {
            (4300, "too many concurrent connections")
        }
        writer.write("When are you open?")
        writer.wait("agent_response", 8)
    wait_until(
        lambda: small_house.ask("/v1/convai/analytics/live-count")["count"] == 0,
        "the end of all calls",
    )
    assert small_house.faults() == ""
