"""A scripted telephone carrier: a media stream as Twilio and Telnyx speak it, and an ear behind it.

It sends a frame every 20 ms, plays what it is sent in real time, and returns a mark when all sound
before it was played, or thrown away. Written from their public pages, not from our code.
"""

import base64
import json
import threading
import time
from collections import deque
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any, Self

import numpy as np
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from acceptance.house import LIMIT_S, House, wait_until
from acceptance.speech import Sound, from_wire, to_wire

Json = dict[str, Any]

FRAME = 160
"""Bytes in 20 ms."""
SILENCE = b"\xff" * FRAME
CALL = "CA0123456789abcdef0123456789abcdef"
STREAM = "MZ0123456789abcdef0123456789abcdef"


def stream_url(house: House, carrier: str, query: str = "") -> str:
    return f"ws://127.0.0.1:{house.port}/v1/convai/telephony/{carrier}/stream{query}"


class Carrier:
    """One call."""

    def __init__(
        self,
        url: str,
        parameters: Mapping[str, str] | None = None,
        *,
        dialect: str = "twilio",
        delay_ms: int = 0,
        begin: bool = True,
        headers: dict[str, str] | None = None,
    ) -> None:
        """Connect.

        Args:
            url: Of the stream.
            parameters: What the operator sends along.
            dialect: `twilio` or `telnyx`.
            delay_ms: How long sound is on its way to the ear.
            begin: Whether the stream is begun at once, and sound runs.
            headers: Of the upgrade.
        """
        self.dialect = dialect
        self._parameters = dict(parameters or {})
        self._delay_frames = delay_ms // 20
        self._stack = ExitStack()
        opening = connect(url, additional_headers=headers, compression=None, open_timeout=LIMIT_S)
        self._socket: ClientConnection = self._stack.enter_context(opening)
        self.got: list[Json] = []
        self.closed: tuple[int, str] | None = None
        self._to_say: deque[bytes] = deque()
        self._lock = threading.Lock()
        self._buffer = bytearray()
        self._dry_frames = 0
        self._marks: deque[tuple[int, str]] = deque()
        self._taken = 0
        self._heard = bytearray()
        self.returned: list[str] = []
        """Names of the marks that were played."""
        self._running = True
        self._number = 0
        threads = [self._read]
        if begin:
            self.begin()
            threads.append(self._pump)
        self._threads = [threading.Thread(target=each, daemon=True) for each in threads]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._running = False
        self._stack.close()
        for thread in self._threads:
            thread.join(LIMIT_S)

    # --- what a carrier says ------------------------------------------------------------------

    def begin(self) -> None:
        """Say which call this is."""
        if self.dialect == "twilio":
            self.send({"event": "connected", "protocol": "Call", "version": "1.0.0"})
            start: Json = {
                "accountSid": "AC0123456789abcdef0123456789abcdef",
                "streamSid": STREAM,
                "callSid": CALL,
                "tracks": ["inbound"],
                "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
                "customParameters": self._parameters,
            }
            self.send(
                {"event": "start", "sequenceNumber": "1", "start": start, "streamSid": STREAM}
            )
            return
        self.send({"event": "connected", "version": "1.0.0"})
        start = {
            "user_id": "3E6F995F-85F7-4705-9741-53B116D28237",
            "call_control_id": "v2:T02llQxIyaRkhfRKxgAP8nY511EhFLizdvdUKJiSw8d6A9BborherQ",
            "from": "+13122010094",
            "to": "+13122123456",
            "media_format": {"encoding": "PCMU", "sample_rate": 8000, "channels": 1},
            "custom_parameters": self._parameters,
        }
        stream = {"sequence_number": "1", "stream_id": "32DE0DEA-53CB-4B21-89A4-9E1819C043BC"}
        self.send({"event": "start", **stream, "start": start})

    def press(self, keys: str) -> None:
        for key in keys:
            dtmf = {"digit": key, "track": "inbound_track"}
            self.send({"event": "dtmf", "dtmf": dtmf, **self._stream()})

    def stop(self) -> None:
        """The person hangs up."""
        stop = {"callSid": CALL, "accountSid": "AC0123456789abcdef0123456789abcdef"}
        self.send({"event": "stop", "stop": stop, **self._stream()})

    def media(self, frame: bytes = SILENCE) -> None:
        """Send a frame of the person's sound."""
        self._number += 1
        media = {
            "track": "inbound",
            "chunk": str(self._number),
            "timestamp": str(20 * self._number),
            "payload": base64.b64encode(frame).decode(),
        }
        self.send({"event": "media", "media": media, **self._stream()})

    def send(self, message: Json | str) -> None:
        """Send a message; a server that is gone does not hear it."""
        try:
            self._socket.send(message if isinstance(message, str) else json.dumps(message))
        except ConnectionClosed:
            return

    def _stream(self) -> Json:
        twilio = self.dialect == "twilio"
        return {"streamSid": STREAM} if twilio else {"stream_id": "32DE0DEA"}

    # --- the person ---------------------------------------------------------------------------

    def say(self, sound: Sound) -> None:
        """Speak, behind what is being said; returns at once. Sound at 16 kHz."""
        data = to_wire(sound, "ulaw_8000")
        data += SILENCE[: -len(data) % FRAME]
        for first in range(0, len(data), FRAME):
            self._to_say.append(data[first : first + FRAME])

    @property
    def heard(self) -> Sound:
        """What reached the ear since the call began, silence included; at 8 kHz."""
        return from_wire(bytes(self._heard), "ulaw_8000")

    def wait_for_words(self, seconds: float = 0.3) -> None:
        """Return when the agent was heard for so long, all in all."""
        wait_until(lambda: self.loud_s > seconds, f"{seconds} s of the agent")

    def wait_for_quiet(self, seconds: float = 1.0) -> None:
        """Return when there were words, and then nothing for so long."""
        self.wait_for_words()
        size = int(seconds * 8000)
        wait_until(lambda: not np.any(np.abs(self.heard[-size:]) > 200), "silence")

    @property
    def loud_s(self) -> float:
        """For how long there was more than silence."""
        return float(np.count_nonzero(np.abs(self.heard) > 200)) / 8000

    def wait_for_close(self, limit_s: float = LIMIT_S) -> tuple[int, str]:
        return wait_until(lambda: self.closed, "the close", limit_s)

    def of(self, event: str) -> list[Json]:
        return [each for each in list(self.got) if each["event"] == event]

    # --- the network --------------------------------------------------------------------------

    def _read(self) -> None:
        try:
            while True:
                message = json.loads(self._socket.recv())
                self.got.append(message)
                self._take(message)
        except ConnectionClosed as gone:
            frame = gone.rcvd
            self.closed = (frame.code, frame.reason) if frame else (1006, "")

    def _take(self, message: Json) -> None:
        with self._lock:
            match message["event"]:
                case "media":
                    sound = base64.b64decode(message["media"]["payload"], validate=True)
                    self._buffer += sound
                    self._taken += len(sound)
                case "mark":
                    self._marks.append((self._taken, message["mark"]["name"]))
                case "clear":
                    self._taken -= len(self._buffer)
                    self._buffer.clear()
                    dropped = [name for _, name in self._marks]
                    self._marks.clear()
                    for name in dropped:
                        self._return(name)
                case _:
                    raise AssertionError(f"carriers are not told {message}")

    def _return(self, name: str) -> None:
        self.send({"event": "mark", "mark": {"name": name}, **self._stream()})

    def _pump(self) -> None:
        """Every 20 ms: send a frame, play a frame."""
        began, count = time.monotonic(), 0
        while self._running and self.closed is None:
            self.media(self._to_say.popleft() if self._to_say else SILENCE)
            with self._lock:
                self._play()
            count += 1
            time.sleep(max(0.0, began + count * 0.02 - time.monotonic()))

    def _play(self) -> None:
        if not self._buffer:
            self._dry_frames = 0
        self._dry_frames += 1
        if self._buffer and self._dry_frames > self._delay_frames:
            frame = bytes(self._buffer[:FRAME])
            del self._buffer[:FRAME]
            self._heard += frame + SILENCE[len(frame) :]
        else:
            self._heard += SILENCE
        played = self._taken - len(self._buffer)
        while self._marks and self._marks[0][0] <= played:
            name = self._marks.popleft()[1]
            self.returned.append(name)
            self._return(name)
