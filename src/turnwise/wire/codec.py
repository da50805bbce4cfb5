"""JSON text <-> messages.

Laws: what is malformed is a `WireError`, nothing else; an unknown `type` is no error; `encode`
undoes `decode` but for the order of members and the spelling of numbers.
Audio goes by hand: it is nearly all of the traffic.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

import orjson
import pybase64
from pydantic import BaseModel, ValidationError

from turnwise.audio.alignment import Alignment
from turnwise.wire.client_messages import (
    ClientMessage,
    TypedClientMessage,
    Unknown,
    UserAudioChunk,
)
from turnwise.wire.errors import WireError, shown
from turnwise.wire.server_messages import Audio, ServerMessage
from turnwise.wire.server_model import ServerModel

_CLIENT: Mapping[str, type[BaseModel]] = {
    kind.model_fields["type"].default: kind for kind in get_args(TypedClientMessage)
}
_SERVER: Mapping[str, type[ServerModel]] = {
    kind.model_fields["type"].default: kind for kind in get_args(ServerMessage) if kind is not Audio
}
_AUDIO = "user_audio_chunk"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a client may send at most."""

    frame_bytes: int = 16 * 1024 * 1024
    """As much as the official Python client takes (spec/semantics.md, 2.1)."""
    depth: int = 64
    """Objects and lists inside each other."""


DEFAULT_LIMITS = Limits()


def decode(text: str | bytes, limits: Limits = DEFAULT_LIMITS) -> ClientMessage:
    """Return the message a client sent.

    Raises:
        WireError: If it is malformed; says what, where, and what would be right.
    """
    data = _load(text, limits)
    if _AUDIO in data and data.get("type", _AUDIO) == _AUDIO:
        return UserAudioChunk(_from_base64(data[_AUDIO], _AUDIO))
    kind = _kind(data, limits)
    model = _CLIENT.get(kind)
    if model is None:
        return Unknown(kind, data)
    message: ClientMessage = _read(model, data, kind)
    return message


def decode_server(text: str | bytes, limits: Limits = DEFAULT_LIMITS) -> ServerMessage | Unknown:
    """Return the message a server sent: for clients of ours and for tests.

    Raises:
        WireError: As `decode`.
    """
    data = _load(text, limits)
    kind = _kind(data, limits)
    if kind == "audio":
        return _read_audio(_object(data.get("audio_event"), "audio.audio_event"))
    model = _SERVER.get(kind)
    if model is None:
        return Unknown(kind, data)
    fields = _object(data.get(model.body, {}), f"{kind}.{model.body}")
    names = {wire: name for name, wire in model.renamed.items()}
    fields = {names.get(key, key): value for key, value in fields.items()}
    message: ServerMessage = _read(model, fields, f"{kind}.{model.body}")
    return message


def encode(message: ServerMessage | ClientMessage) -> str:
    """Return a message as one text frame."""
    match message:
        case Audio():
            return _audio_text(message)
        case UserAudioChunk(audio=audio):
            return f'{{"{_AUDIO}":"{pybase64.b64encode_as_string(audio)}"}}'
        case Unknown(type=kind, data=data):
            return _dump({**data, "type": kind})
        case ServerModel():
            return _dump(_server_data(message))
        case _:
            return _dump(_members(message))


def _load(text: str | bytes, limits: Limits) -> dict[str, Any]:
    if len(text) > limits.frame_bytes:
        raise WireError(
            f"the message has {len(text)} characters; at most {limits.frame_bytes} are accepted"
        )
    try:
        data = orjson.loads(text)
    except ValueError as error:  # bad JSON, bad UTF-8, too deep for the parser
        place = getattr(error, "pos", 0)
        raise WireError(f"the message is not JSON (at character {place})") from error
    if not isinstance(data, dict):
        raise WireError(f"the message is {shown(data)}; it should be an object")
    return data


def _kind(data: dict[str, Any], limits: Limits) -> str:
    kind = data.get("type")
    if kind is None:
        raise WireError("the message has no type; only user_audio_chunk goes without one")
    if not isinstance(kind, str):
        raise WireError(f"type is {shown(kind)}; it should be a text")
    if _is_deeper(data, limits.depth):
        raise WireError(f"the message is nested deeper than {limits.depth} levels")
    return kind


def _is_deeper(data: object, most: int) -> bool:
    level: list[Any] = [data]
    for _ in range(most):
        inner = (each.values() if isinstance(each, dict) else each for each in level)
        level = [child for each in inner for child in each if isinstance(child, dict | list)]
        if not level:
            return False
    return True


def _read(model: type[BaseModel], fields: Mapping[str, Any], place: str) -> Any:  # noqa: ANN401 -- the caller knows
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
    where = ".".join((place, *map(str, first["loc"])))
    if first["type"] == "missing":
        raise WireError(f"{where} is missing")
    if first["type"] == "value_error":  # a rule of ours, which says it all
        raise WireError(f"{where}: {first['msg'].removeprefix('Value error, ')}")
    hint = first["msg"].replace("Input should", "it should")
    raise WireError(f"{where} is {shown(first['input'])}; {hint}")


def _object(value: object, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise WireError(f"{where} is {shown(value)}; it should be an object")
    return value


def _from_base64(text: object, where: str) -> bytes:
    if not isinstance(text, str):
        raise WireError(f"{where} is {shown(text)}; it should be base64")
    try:
        return pybase64.b64decode(text, validate=True)
    except ValueError as error:
        raise WireError(f"{where} is not base64 ({len(text)} characters)") from error


def _read_audio(fields: Mapping[str, Any]) -> Audio:
    audio = _from_base64(fields.get("audio_base_64"), "audio.audio_event.audio_base_64")
    times = fields.get("alignment")
    alignment = None
    try:
        if times is not None:
            alignment = Alignment.of_chars(
                times["chars"], times["char_start_times_ms"], times["char_durations_ms"]
            )
        return Audio(int(fields["event_id"]), audio, alignment, bool(fields.get("is_final")))
    except (KeyError, TypeError, ValueError) as error:
        raise WireError(f"audio.audio_event is incomplete: {error}") from error


def _audio_text(message: Audio) -> str:
    sound = pybase64.b64encode_as_string(message.audio)
    more = ',"is_final":true' if message.is_final else ""
    times = message.alignment
    if times is not None and times.chars:
        alignment = {
            "chars": times.chars,
            "char_start_times_ms": times.starts_ms,
            "char_durations_ms": times.durations_ms,
        }
        more = f',"alignment":{_dump(alignment)}{more}'
    event = f'"audio_base_64":"{sound}","event_id":{message.event_id}{more}'
    return f'{{"type":"audio","audio_event":{{{event}}}}}'


def _server_data(message: ServerModel) -> dict[str, Any]:
    fields = {
        message.renamed.get(name, name): value
        for name in type(message).model_fields
        if name != "type"
        and ((value := getattr(message, name)) is not None or name in message.always)
    }
    fields |= message.model_extra or {}
    if message.bare and not fields:
        return {"type": message.type}
    return {"type": message.type, message.body: fields}


def _members(part: BaseModel) -> dict[str, Any]:
    """Return what was given of a message or a part of it, and its type in any case."""
    given = part.model_fields_set
    known = type(part).model_fields
    named = {name: getattr(part, name) for name in known if name in given or name == "type"}
    return {**named, **(part.model_extra or {})}


def _dump(data: object) -> str:
    try:
        return orjson.dumps(data, default=_members).decode()
    except TypeError:
        # half of a surrogate pair, or a whole number of more than 64 bits: the slow way takes both
        return json.dumps(data, default=_members)
