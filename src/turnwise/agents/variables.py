"""Dynamic variables: `{{name}}` in prompts, messages and tools.

Laws: a secret never reaches a text unless the caller says that it may; a value never becomes a
placeholder again (texts are filled once); what has no placeholder comes back unchanged.
"""

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from typing_extensions import override

from turnwise.base.errors import Error

SYSTEM = "system__"
"""Names with this prefix belong to the platform; a client cannot set them."""
TIMEZONE = f"{SYSTEM}timezone"
"""The one of them that a client may give: in which zone the times are."""
SECRET = "secret__"  # noqa: S105 -- a prefix
"""Names with this prefix may be used in headers only."""  # spec/semantics.md, 8

_PLACEHOLDER = re.compile(r"\{\{\s*([\w:.\-]+)\s*\}\}")
_OLD_ENVIRONMENT = "system_env__"  # older spelling of system__env_ (spec/semantics.md, 44 no. 3)

Scalar = str | int | float | bool
T = TypeVar("T")


class MissingVariables(Error):
    """A text needs variables that nobody gave."""

    code = "missing_dynamic_variable"

    def __init__(self, where: str, names: Iterable[str]) -> None:
        self.where = where
        """What needs them: `first message`, `prompt`, `tools`."""
        self.names = tuple(sorted(set(names)))
        """The variables, without braces."""
        # measured text of the hosted service (spec/semantics.md, 2.6)
        listed = ", ".join(repr(name) for name in self.names)
        super().__init__(f"Missing required dynamic variables in {where}: {{{listed}}}")


def names_in(value: object) -> frozenset[str]:
    """Return the variables that a text, or the texts of nested data, ask for. Keys do not count."""
    return frozenset(_names(value))


def _names(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield from (_name(match) for match in _PLACEHOLDER.finditer(value))
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _names(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _names(each)


def _name(match: re.Match[str]) -> str:
    name = match.group(1)
    if name.startswith(_OLD_ENVIRONMENT):
        return f"{SYSTEM}env_{name.removeprefix(_OLD_ENVIRONMENT)}"
    return name


def as_text(value: object) -> str:
    """Return how a value is written in a text: booleans and lists as in JSON."""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def coerced(value: object, kind: str) -> object:
    """Return the value as the JSON Schema type `kind`; as it is if it cannot be that."""
    match kind:
        case "string":
            return as_text(value)
        case "boolean" if isinstance(value, str) and value.strip().lower() in {"true", "false"}:
            return value.strip().lower() == "true"
        case "integer" | "number" if not isinstance(value, bool):
            return _number(value, whole=kind == "integer")
        case _:
            return value


def _number(value: object, *, whole: bool) -> object:
    if not isinstance(value, str | float):
        return value
    try:
        return int(value) if isinstance(value, str) else _whole(value, value, whole=whole)
    except ValueError:
        pass
    try:
        return _whole(float(value), value, whole=whole)
    except ValueError:
        return value


def _whole(number: float, value: object, *, whole: bool) -> object:
    if number.is_integer():
        return int(number)
    return value if whole or not math.isfinite(number) else number


class _Open(Mapping[str, Any]):
    """Variables less the secrets among them; none is read before somebody asks for it."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    @override
    def __getitem__(self, name: str) -> Any:
        if name.startswith(SECRET):
            raise KeyError(name)
        return self._values[name]

    @override
    def __contains__(self, name: object) -> bool:
        return name in self._values and not str(name).startswith(SECRET)

    @override
    def __iter__(self) -> Iterator[str]:
        return (name for name in self._values if not name.startswith(SECRET))

    @override
    def __len__(self) -> int:
        return sum(1 for _ in self)


@dataclass(frozen=True, slots=True)
class Variables:
    """The variables of one conversation. `with_value` gives new ones; none changes."""

    values: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        given: Mapping[str, Any] | None = None,
        *,
        placeholders: Mapping[str, Any] | None = None,
        system: Mapping[str, Any] | None = None,
    ) -> "Variables":
        """Put together what a conversation knows.

        Args:
            given: By the client, the initiation webhook or a batch; null counts as not given.
            placeholders: Of the agent, its tools: used where nothing is given. They are for tests
                and rehearsals, no defaults of real conversations.
            system: The platform's own, named `system__…`; nobody else can set those.
        """
        own = {**(placeholders or {}), **_present(given)}
        own = {name: value for name, value in own.items() if not name.startswith(SYSTEM)}
        return cls({**_present(own), **(system or {})})

    def with_value(self, name: str, value: object) -> "Variables":
        """Return the same variables and one more, or another value for it."""
        return Variables({**self.values, name: value})

    def without_secrets(self) -> "Variables":
        """Return those that may be used anywhere, not in headers only."""
        return Variables(_Open(self.values))

    def missing(self, names: Iterable[str]) -> frozenset[str]:
        """Return those of the names that have no value."""
        return frozenset(name for name in names if name not in self.values)

    def require(self, where: str, *texts: object) -> None:
        """Check that all placeholders of texts or nested data have a value.

        A secret in a text is not missing: it is not for texts, and stays a placeholder.

        Args:
            where: What the texts are, for the error: `first message`, `prompt`, `tools`.
            texts: To be filled later.

        Raises:
            MissingVariables: If one has none.
        """
        names = (name for text in texts for name in names_in(text))
        if missing := self.missing(name for name in names if not name.startswith(SECRET)):
            raise MissingVariables(where, missing)

    def fill(self, value: T, *, secrets: bool = False) -> T:
        """Return a text, or nested data, with its placeholders filled.

        Args:
            value: Text or data; keys, numbers and placeholders without a value stay as they are.
            secrets: Whether `secret__` variables may be used: in headers only.
        """
        filled: T = self._fill(value, secrets=secrets)
        return filled

    def _fill(self, value: Any, *, secrets: bool) -> Any:  # noqa: ANN401 -- data of any shape
        if isinstance(value, str):
            return _PLACEHOLDER.sub(lambda match: self._text(match, secrets=secrets), value)
        if isinstance(value, Mapping):
            return {key: self._fill(each, secrets=secrets) for key, each in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(self._fill(each, secrets=secrets) for each in value)
        return value

    def _text(self, match: re.Match[str], *, secrets: bool) -> str:
        name = _name(match)
        if name not in self.values or (name.startswith(SECRET) and not secrets):
            return match.group()
        return as_text(self.values[name])


def _present(values: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in (values or {}).items() if value is not None}
