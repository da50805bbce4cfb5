"""Clients: one on the bare socket, and microphones for the official Python SDK."""

import asyncio
import base64
import json
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from elevenlabs.conversational_ai.conversation import AsyncAudioInterface, AudioInterface
from typing_extensions import override
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from acceptance.house import LIMIT_S, wait_until
from acceptance.speech import HZ, Sound, from_wire, pause, to_wire

Json = dict[str, Any]

INIT: Json = {"type": "conversation_initiation_client_data"}
AS_TEXT: Json = {**INIT, "conversation_config_override": {"conversation": {"text_only": True}}}


@dataclass(frozen=True)
class Got:
    """A message, and when it came (seconds, of a clock that only goes on)."""

    at: float
    message: Json

    @property
    def kind(self) -> str:
        return str(self.message["type"])


class Caller:
    """A client that does what it is told and no more, but for answering pings."""

    def __init__(
        self,
        url: str,
        init: Json | None = INIT,
        *,
        subprotocols: Sequence[str] = (),
        headers: dict[str, str] | None = None,
    ) -> None:
        offered = [Subprotocol(each) for each in subprotocols]
        self._stack = ExitStack()
        opening = connect(
            url,
            subprotocols=offered or None,
            additional_headers=headers,
            compression=None,
            open_timeout=LIMIT_S,
        )
        self._socket: ClientConnection = self._stack.enter_context(opening)
        self.subprotocol = self._socket.subprotocol
        self.got: list[Got] = []
        self.closed: tuple[int, str] | None = None
        """Code and reason, once the server closed."""
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        if init is not None:
            self.send(init)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.hang_up()

    def hang_up(self) -> None:
        self._stack.close()
        self._thread.join(LIMIT_S)

    def _read(self) -> None:
        try:
            while True:
                message = json.loads(self._socket.recv())
                self.got.append(Got(time.monotonic(), message))
                if message["type"] == "ping":
                    number = message["ping_event"]["event_id"]
                    self.send({"type": "pong", "event_id": number})
        except ConnectionClosed as gone:
            frame = gone.rcvd
            self.closed = (frame.code, frame.reason) if frame else (1006, "")

    # --- saying -------------------------------------------------------------------------------

    def send(self, message: Json | str | bytes) -> None:
        """Send a message, or a frame as it stands; a server that is gone does not hear it."""
        try:
            self._socket.send(message if isinstance(message, str | bytes) else json.dumps(message))
        except ConnectionClosed:
            return

    def write(self, text: str) -> None:
        self.send({"type": "user_message", "text": text})

    def say(self, sound: Sound, name: str = "pcm_16000") -> None:
        """Say something at once, in one frame."""
        data = base64.b64encode(to_wire(sound, name)).decode()
        self.send({"user_audio_chunk": data})

    def speak(self, sound: Sound, name: str = "pcm_16000", chunk_ms: int = 100) -> None:
        """Say something as it is spoken, and return when it was said."""
        step = HZ * chunk_ms // 1000
        began = time.monotonic()
        for number, first in enumerate(range(0, len(sound), step)):
            time.sleep(max(0.0, began + number * chunk_ms / 1000 - time.monotonic()))
            self.say(sound[first : first + step], name)

    # --- hearing ------------------------------------------------------------------------------

    def of(self, kind: str) -> list[Got]:
        return [each for each in list(self.got) if each.kind == kind]

    def wait(self, kind: str, count: int = 1, limit_s: float = LIMIT_S) -> Json:
        """The `count`th message of a type, when it is there."""

        def look() -> Json | None:
            found = self.of(kind)
            if len(found) >= count:
                return found[count - 1].message
            assert self.closed is None, f"closed {self.closed} before {kind}"
            return None

        return wait_until(look, f"message {count} of type {kind}", limit_s)

    def wait_for_close(self, limit_s: float = LIMIT_S) -> tuple[int, str]:
        return wait_until(lambda: self.closed, "the close", limit_s)

    def wait_for_quiet(self, seconds: float = 1.0) -> None:
        """Return when no sound came for so long, after there was some."""

        def look() -> bool:
            sounds = self.of("audio")
            return bool(sounds) and time.monotonic() - sounds[-1].at > seconds

        wait_until(look, "the end of the agent's sound")

    @property
    def conversation_id(self) -> str:
        event = self.wait("conversation_initiation_metadata")
        return str(event["conversation_initiation_metadata_event"]["conversation_id"])

    def kinds(self) -> list[str]:
        return [each.kind for each in self.got]

    def replies(self) -> list[str]:
        found = self.of("agent_response")
        return [each.message["agent_response_event"]["agent_response"] for each in found]

    def transcripts(self) -> list[str]:
        found = self.of("user_transcript")
        return [each.message["user_transcription_event"]["user_transcript"] for each in found]

    def sound(self, name: str = "pcm_16000") -> Sound:
        """All that the agent sent, at the rate of the format."""
        return from_wire(b"".join(sound_of(each.message) for each in self.of("audio")), name)


def sound_of(message: Json) -> bytes:
    return base64.b64decode(message["audio_event"]["audio_base_64"])


# --- the official SDK -------------------------------------------------------------------------


class Diary:
    """What happened to a client of the SDK, in order."""

    def __init__(self) -> None:
        self.lines: list[tuple[float, str, tuple[Any, ...]]] = []

    def note(self, kind: str) -> Callable[..., None]:
        """A callback that writes down when and with what it was called."""

        def callback(*values: Any) -> None:  # noqa: ANN401 - whatever the SDK passes
            self.lines.append((time.monotonic(), kind, values))

        return callback

    def note_async(self, kind: str) -> Callable[..., Awaitable[None]]:
        """The same for the asynchronous client."""
        write = self.note(kind)

        async def callback(*values: Any) -> None:  # noqa: ANN401 - whatever the SDK passes
            write(*values)

        return callback

    def of(self, kind: str) -> list[Any]:
        """The first value of each line of a kind."""
        lines = list(self.lines)
        return [values[0] if values else None for _, each, values in lines if each == kind]

    def times(self, kind: str) -> list[float]:
        return [at for at, each, _ in list(self.lines) if each == kind]

    def wait(self, kind: str, count: int = 1, limit_s: float = LIMIT_S) -> Any:  # noqa: ANN401
        """The `count`th value of a kind, when it is there."""
        wait_until(lambda: len(self.of(kind)) >= count, f"{kind} no. {count}", limit_s)
        return self.of(kind)[count - 1]

    def wait_for_quiet(self, seconds: float = 1.0) -> None:
        """Return when the agent said nothing for so long, after it said something."""

        def look() -> bool:
            times = self.times("sound")
            return bool(times) and time.monotonic() - times[-1] > seconds

        wait_until(look, "the end of the agent's sound")

    def sound(self) -> Sound:
        return from_wire(b"".join(self.of("sound")), "pcm_16000")


class _Tape:
    """What goes into a microphone: what is said, and nothing in between."""

    def __init__(self, chunk_ms: int) -> None:
        self.seconds = chunk_ms / 1000
        self._step = HZ * chunk_ms // 1000
        self._waiting = pause(0)
        self._lock = threading.Lock()

    def put(self, sound: Sound) -> None:
        with self._lock:
            self._waiting = np.concatenate([self._waiting, sound])

    def take(self) -> bytes:
        with self._lock:
            sound, self._waiting = self._waiting[: self._step], self._waiting[self._step :]
        missing = np.zeros(self._step - len(sound), np.int16)
        return to_wire(np.concatenate([sound, missing]), "pcm_16000")


class Microphone(AudioInterface):
    """Plays what the user says in real time, and keeps what the agent says."""

    def __init__(self, diary: Diary, chunk_ms: int = 250) -> None:
        """`chunk_ms` is as the SDK recommends."""
        self._diary = diary
        self._tape = _Tape(chunk_ms)
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def say(self, sound: Sound) -> None:
        """Say something as soon as all before has been said."""
        self._tape.put(sound)

    @override
    def start(self, input_callback: Callable[[bytes], None]) -> None:
        self._thread = threading.Thread(target=self._run, args=(input_callback,), daemon=True)
        self._thread.start()

    def _run(self, input_callback: Callable[[bytes], None]) -> None:
        due = time.monotonic()
        while not self._stopped.wait(max(0.0, due - time.monotonic())):
            input_callback(self._tape.take())
            due += self._tape.seconds

    @override
    def stop(self) -> None:
        self._stopped.set()

    @override
    def output(self, audio: bytes) -> None:
        self._diary.note("sound")(audio)

    @override
    def interrupt(self) -> None:
        self._diary.note("interrupt")()


class AsyncMicrophone(AsyncAudioInterface):
    """The same for the asynchronous client."""

    def __init__(self, diary: Diary, chunk_ms: int = 250) -> None:
        self._diary = diary
        self._tape = _Tape(chunk_ms)
        self._task: asyncio.Task[None] | None = None

    def say(self, sound: Sound) -> None:
        self._tape.put(sound)

    @override
    async def start(self, input_callback: Callable[[bytes], Awaitable[None]]) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run(input_callback))

    async def _run(self, input_callback: Callable[[bytes], Awaitable[None]]) -> None:
        due = time.monotonic()
        while True:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            await input_callback(self._tape.take())
            due += self._tape.seconds

    @override
    async def stop(self) -> None:
        assert self._task is not None
        self._task.cancel()

    @override
    async def output(self, audio: bytes) -> None:
        self._diary.note("sound")(audio)

    @override
    async def interrupt(self) -> None:
        self._diary.note("interrupt")()
