"""How the vendors of language models stream an answer, as bytes."""

import json
from collections.abc import Sequence
from typing import Protocol

from providers.provider_rig import SSE, Script, Step, head

Json = dict[str, object]


class Wire(Protocol):
    """One vendor's streaming."""

    path: str
    """How the path of a request ends."""

    def text(self, *words: str) -> list[bytes]: ...
    def thought(self, words: str) -> list[bytes]: ...
    def call(self, number: int, name: str, arguments: str) -> list[bytes]: ...
    def answer(self, *parts: list[bytes], usage: tuple[int, int] | None = (7, 5)) -> Script: ...
    def failure(self) -> bytes: ...


def _event(data: object, name: str = "") -> bytes:
    line = f"event: {name}\n" if name else ""
    return f"{line}data: {json.dumps(data)}\n\n".encode()


def _paced(parts: Sequence[Sequence[bytes]]) -> list[Step]:
    steps: list[Step] = []
    for part in parts:
        steps += [*part, 0.01]
    return steps


class AnthropicWire:
    """`POST /v1/messages`."""

    path = "/v1/messages"

    def __init__(self) -> None:
        self.model = "m"
        self._index = -1

    def _block(self, begin: Json, *deltas: Json) -> list[bytes]:
        self._index += 1
        place = {"index": self._index}
        return [
            self._named({"type": "content_block_start", **place, "content_block": begin}),
            *(self._named({"type": "content_block_delta", **place, "delta": d}) for d in deltas),
            self._named({"type": "content_block_stop", **place}),
        ]

    def _named(self, data: Json) -> bytes:
        return _event(data, str(data["type"]))

    def text(self, *words: str) -> list[bytes]:
        deltas: list[Json] = [{"type": "text_delta", "text": word} for word in words]
        return self._block({"type": "text", "text": ""}, *deltas)

    def thought(self, words: str) -> list[bytes]:
        begin: Json = {"type": "thinking", "thinking": "", "signature": ""}
        return self._block(begin, {"type": "thinking_delta", "thinking": words})

    def call(self, number: int, name: str, arguments: str) -> list[bytes]:
        begin: Json = {"type": "tool_use", "id": f"call_{number}", "name": name, "input": {}}
        halves = (arguments[: len(arguments) // 2], arguments[len(arguments) // 2 :])
        deltas: list[Json] = [
            {"type": "input_json_delta", "partial_json": half} for half in halves if half
        ]
        return self._block(begin, *deltas)

    def answer(self, *parts: list[bytes], usage: tuple[int, int] | None = (7, 5)) -> Script:
        sent, written = usage or (0, 0)
        message: Json = {"id": "msg_1", "type": "message", "role": "assistant"}
        message |= {"model": self.model, "content": [], "stop_reason": None, "stop_sequence": None}
        message["usage"] = {"input_tokens": sent, "output_tokens": 0}
        delta: Json = {"type": "message_delta", "usage": {"output_tokens": written}}
        delta["delta"] = {"stop_reason": "end_turn", "stop_sequence": None}
        return [
            head(200, SSE),
            self._named({"type": "message_start", "message": message}),
            *_paced(parts),
            self._named(delta),
            self._named({"type": "message_stop"}),
        ]

    def failure(self) -> bytes:
        error = {"type": "overloaded_error", "message": "no"}
        return self._named({"type": "error", "error": error})


class GoogleWire:
    """`POST /v1beta/models/NAME:streamGenerateContent`."""

    path = ":streamGenerateContent?alt=sse"

    def _chunk(self, *parts: Json, finish: str | None = None, **more: object) -> bytes:
        candidate: Json = {"index": 0, "content": {"role": "model", "parts": list(parts)}}
        if finish:
            candidate["finishReason"] = finish
        return _event({"candidates": [candidate], "modelVersion": "m", "responseId": "r", **more})

    def text(self, *words: str) -> list[bytes]:
        return [self._chunk({"text": word}) for word in words]

    def thought(self, words: str) -> list[bytes]:
        return [self._chunk({"text": words, "thought": True})]

    def call(self, number: int, name: str, arguments: str) -> list[bytes]:
        told = {"id": f"call_{number}", "name": name, "args": json.loads(arguments or "{}")}
        return [self._chunk({"functionCall": told})]

    def answer(self, *parts: list[bytes], usage: tuple[int, int] | None = (7, 5)) -> Script:
        sent, written = usage or (0, 0)
        counts = {"promptTokenCount": sent, "candidatesTokenCount": written}
        told = {"usageMetadata": {**counts, "totalTokenCount": sent + written}} if usage else {}
        return [
            head(200, SSE),
            *_paced(parts),
            self._chunk({"text": ""}, finish="STOP", **told),
        ]

    def failure(self) -> bytes:
        return _event({"error": {"code": 503, "message": "no", "status": "UNAVAILABLE"}})


WIRES: dict[str, type[AnthropicWire] | type[GoogleWire]] = {
    "llm/anthropic": AnthropicWire,
    "llm/google": GoogleWire,
}


def greeting(path: str) -> Script | None:
    """A good answer, paced, if the path is of one of these vendors."""
    for wire in (kind() for kind in WIRES.values()):
        if path.endswith((wire.path, f"{wire.path}?beta=true")):
            return wire.answer(*(wire.text(word) for word in ("Hello ", "there, ", "you.")))
    return None
