"""A server that speaks the sockets of Deepgram and ElevenLabs, as their documentation has them.

The tests drive it with ElevenLabs' own client too; Deepgram's was tried by hand (SDK 7.17).
"""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

Act = Callable[[ServerConnection], Awaitable[None]]
WORDS = "hello there"
LEAST_COMMIT_BYTES = 9_600
"""0.3 s: ElevenLabs transcribes no less."""


class SocketServer:
    """Hears the same words in every utterance, and remembers what it was sent."""

    def __init__(self) -> None:
        self.words = WORDS
        self.asked: list[Request] = []
        self.got: list[bytes | dict[str, Any]] = []
        self.refusals: list[tuple[int, dict[str, str]]] = []
        """Status and headers for the next handshakes; after them they are accepted."""
        self.act: Act | None = None
        """What it does with a socket, where that is not what the service would do."""
        self.gone = asyncio.Event()
        """Set when a socket is closed."""
        self.close_code: int | None = None
        self._server: Server

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{next(iter(self._server.sockets)).getsockname()[1]}/v1"

    @property
    def sound(self) -> bytes:
        """All that was sent as sound."""
        pieces = (
            each if isinstance(each, bytes) else base64.b64decode(each.get("audio_base_64", ""))
            for each in self.got
        )
        return b"".join(pieces)

    @property
    def messages(self) -> list[dict[str, Any]]:
        """All that was sent as text."""
        return [each for each in self.got if isinstance(each, dict)]

    def query(self, number: int = -1) -> list[tuple[str, str]]:
        return parse_qsl(urlsplit(self.asked[number].path).query)

    async def __aenter__(self) -> Self:
        self._server = await serve(
            self._serve, "127.0.0.1", 0, process_request=self._admit, close_timeout=0.2
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        self.asked.append(request)
        if not self.refusals:
            return None
        status, headers = self.refusals.pop(0)
        response = connection.respond(HTTPStatus(status), "no\n")
        for name, value in headers.items():
            response.headers[name] = value
        return response

    async def _serve(self, connection: ServerConnection) -> None:
        try:
            await (self.act or self._service(connection))(connection)
            await connection.close()
        except ConnectionClosed:
            pass
        finally:
            await connection.wait_closed()
            self.close_code = connection.close_code
            self.gone.set()

    def _service(self, connection: ServerConnection) -> Act:
        assert connection.request is not None
        path = urlsplit(connection.request.path).path
        return {"/v1/listen": self.deepgram, "/v1/speech-to-text/realtime": self.scribe}[path]

    async def receive(self, connection: ServerConnection) -> bytes | dict[str, Any]:
        message = await connection.recv()
        told = message if isinstance(message, bytes) else json.loads(message)
        self.got.append(told)
        return told

    async def deepgram(self, connection: ServerConnection) -> None:
        """One word more with each piece of sound; at the end all of them, and `Metadata`."""
        heard_bytes = pieces = 0
        while isinstance(sound := await self.receive(connection), bytes):
            heard_bytes += len(sound)
            pieces += 1
            words = " ".join(self.words.split()[:pieces])
            await connection.send(result(words, seconds=heard_bytes / 32_000))
        assert sound == {"type": "CloseStream"}, sound
        await connection.send(result(self.words, is_final=True, seconds=heard_bytes / 32_000))
        await connection.send(json.dumps(METADATA))

    async def scribe(self, connection: ServerConnection) -> None:
        """The words so far with each chunk; all of them for a commit."""
        await connection.send(json.dumps(SESSION_STARTED))
        heard_bytes = pieces = 0
        while True:
            chunk = await self.receive(connection)
            assert isinstance(chunk, dict)
            assert chunk["message_type"] == "input_audio_chunk", chunk
            assert chunk["sample_rate"] == 16_000, chunk
            heard_bytes += len(base64.b64decode(chunk["audio_base_64"]))
            pieces += 1
            if not chunk["commit"]:
                words = " ".join(self.words.split()[:pieces])
                await connection.send(transcript("partial", words))
            elif heard_bytes < LEAST_COMMIT_BYTES:
                await connection.send(failure_message("commit_throttled"))
            else:
                await connection.send(transcript("committed", self.words))
                heard_bytes = pieces = 0


# --- messages -----------------------------------------------------------------------------------

METADATA = {
    "type": "Metadata",
    "transaction_key": "deprecated",
    "request_id": "8c8ebea9-dbec-45fa-a035-e4632cb05b5f",
    "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "created": "2026-08-29T22:37:55.202Z",
    "duration": 1.0,
    "channels": 1,
}
SESSION_STARTED = {
    "message_type": "session_started",
    "session_id": "0b0a72b57fd743ebbed6555d44836cf2",
    "config": {
        "sample_rate": 16_000,
        "audio_format": "pcm_16000",
        "language_code": "en",
        "model_id": "scribe_v2_realtime",
        "commit_strategy": "manual",
        "include_timestamps": False,
    },
}


def result(words: str, *, is_final: bool = False, seconds: float = 1.0) -> str:
    """Deepgram's `Results`."""
    alternative = {"transcript": words, "confidence": 0.98, "words": []}
    told = {
        "type": "Results",
        "channel_index": [0, 1],
        "duration": seconds,
        "start": 0.0,
        "is_final": is_final,
        "speech_final": False,
        "channel": {"alternatives": [alternative]},
        "metadata": {
            "request_id": METADATA["request_id"],
            "model_info": {"name": "general-nova-3", "version": "2026-01-01.0", "arch": "nova-3"},
            "model_uuid": "5b8f0c4e-0000-4000-8000-000000000000",
        },
        "from_finalize": False,
    }
    return json.dumps(told)


def transcript(kind: str, text: str) -> str:
    """ElevenLabs' `partial_transcript` or `committed_transcript`."""
    return json.dumps({"message_type": f"{kind}_transcript", "text": text})


def failure_message(kind: str) -> str:
    """One of ElevenLabs' messages of failure."""
    return json.dumps({"message_type": kind, "error": "no"})
