"""What all messages to the client have in common."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field


def event_number() -> Any:  # noqa: ANN401 -- as pydantic declares its fields
    """Return the field of an `event_id`: 0 is nothing to some clients."""
    return Field(ge=1)  # spec/wire-protocol.md, 0, item 6


class Part(BaseModel):
    """An object inside a message."""

    model_config = ConfigDict(extra="allow", frozen=True, protected_namespaces=())


class ServerModel(Part):
    """A message to the client: its fields stand under `body`.

    A field that is None is left out, unless `always` names it.
    """

    type: str
    body: ClassVar[str]
    """Key of its fields."""
    always: ClassVar[frozenset[str]] = frozenset()
    """Fields that are sent although they are None."""
    bare: ClassVar[bool] = False
    """Whether `body` is left out when no field is there."""
    renamed: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """Fields whose name on the wire is another one."""
