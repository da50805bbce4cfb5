"""Reading a request's body as a JSON object, exactly.

Numbers keep their kind and all their digits. What no store and no answer could hold (NaN, infinite
numbers, half characters, endless nesting) is refused here, so that nobody below has to think of it.
"""

import json
import math
from typing import Annotated, Any

from fastapi import Depends, Request

from turnwise.api.errors import Invalid, problem

Object = dict[str, Any]

MAX_DEPTH = 100
"""How deep objects and arrays may be nested."""


async def json_object(request: Request) -> Object:
    """Return the body of a request.

    Raises:
        Invalid: If it is not a JSON object that can be kept.
        TooLarge: If it is larger than the edge lets through.
    """
    body = await request.body()
    try:
        text = body.decode("utf-8-sig")
        value = json.loads(text, parse_constant=_refuse, parse_float=_finite)
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeError as exc:
        raise _invalid("The body is not valid Unicode") from exc
    except RecursionError as exc:
        raise _too_deep() from exc
    except ValueError as exc:
        raise _invalid("JSON decode error") from exc
    if not isinstance(value, dict):
        raise Invalid([problem("dict_type", ["body"], "Input should be an object")])
    _check_depth(value)
    return value


def _invalid(msg: str) -> Invalid:
    return Invalid([problem("json_invalid", ["body"], msg)])


def _too_deep() -> Invalid:
    return _invalid(f"The body is nested more than {MAX_DEPTH} levels deep")


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError("a number is too large")
    return number


def _check_depth(value: Object) -> None:
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        inner = [part.values() if isinstance(part, dict) else part for part in level]
        level = [item for parts in inner for item in parts if isinstance(item, dict | list)]
        if not level:
            return
    raise _too_deep()


JsonBody = Annotated[Object, Depends(json_object)]
"""A route's parameter: the body, a JSON object."""
