"""Reading a request's body, exactly.

Numbers keep their kind and all their digits. What no store and no answer could hold (NaN, infinite
numbers, half characters, endless nesting) is refused here, so that nobody below has to think of it.
So is the character NUL, which no text of a PostgreSQL can hold.
"""

import json
import math
from collections.abc import Iterator
from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import Request

from turnwise.api.errors import Invalid, problem
from turnwise.contract import ContractError, Operation

Object = dict[str, Any]

MAX_DEPTH = 100
"""How deep objects and arrays may be nested."""
NUL = "\0"
ESCAPE = rb"\u"
NUL_ESCAPE = rb"\u0000"
"""The only way to write NUL in JSON."""


def json_value(body: bytes) -> Any:  # noqa: ANN401 - any JSON
    """Return what a body holds.

    Raises:
        Invalid: If it is not JSON, or such as cannot be kept.
    """
    value = _parsed(body)
    if NUL_ESCAPE in body:
        _refuse_nul(value)
    return value


def _parsed(body: bytes) -> Any:  # noqa: ANN401 - any JSON
    try:
        text = body.decode("utf-8-sig")
        value = json.loads(text, parse_constant=_refuse, parse_float=_finite)
        if ESCAPE in body:  # only an escape can name half a character
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeError as exc:
        raise _invalid("The body is not valid Unicode") from exc
    except RecursionError as exc:
        raise _too_deep() from exc
    except ValueError as exc:
        raise _invalid("JSON decode error") from exc
    _check_depth(value)
    return value


async def form_fields(request: Request, operation: Operation) -> Object:
    """Return the fields of a form; what may be a list or an object may be written as JSON.

    Raises:
        Invalid: If they are not in the published shape. Files are not looked into.
    """
    form = await request.form(max_files=100, max_fields=1_000)
    for name, value in form.multi_items():
        _refuse_nul({name: value.filename if isinstance(value, UploadFile) else value})
    written = operation.form_structures
    fields = [
        (name, _form_value(name, value) if isinstance(value, str) and name in written else value)
        for name, value in form.multi_items()
    ]
    try:
        return operation.read_form(fields)
    except ContractError as error:
        raise Invalid(error.problems) from error


def _form_value(name: str, text: str) -> Any:  # noqa: ANN401 - any JSON
    if text[:1] in {"{", "["}:
        try:
            value = _parsed(text.encode())
        except Invalid:
            return text
        _refuse_nul({name: value})
        return value
    return text


def _invalid(msg: str) -> Invalid:
    return Invalid([problem("json_invalid", ["body"], msg)])


def _too_deep() -> Invalid:
    return _invalid(f"The body is nested more than {MAX_DEPTH} levels deep")


def _refuse_nul(value: object) -> None:
    if places := list(_nul(value, ())):
        message = "Input should have no character NUL"
        raise Invalid([problem("value_error", ["body", *place], message) for place in places])


def _nul(value: object, place: tuple[str | int, ...]) -> Iterator[tuple[str | int, ...]]:
    """Yield the places of texts and keys that have the character."""
    if isinstance(value, str):
        if NUL in value:
            yield place
    elif isinstance(value, dict):
        for key, part in value.items():
            if NUL in key:
                yield (*place, key)
            yield from _nul(part, (*place, key))
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from _nul(part, (*place, index))


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError("a number is too large")
    return number


def _check_depth(value: object) -> None:
    level: list[Any] = [value] if isinstance(value, dict | list) else []
    for _ in range(MAX_DEPTH):
        inner = [part.values() if isinstance(part, dict) else part for part in level]
        level = [item for parts in inner for item in parts if isinstance(item, dict | list)]
        if not level:
            return
    raise _too_deep()
