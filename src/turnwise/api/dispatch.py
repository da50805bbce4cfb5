"""From method and path to the endpoint, by a tree of path segments: one step for each segment.

A list of patterns, as frameworks have it, is tried one by one: with 250 operations that costs more
than answering. Literal segments win over parameters, whatever the order.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketClose


@dataclass(slots=True)
class _Node:
    literal: "dict[str, _Node]" = field(default_factory=dict)
    parameter: "_Node | None" = None
    endpoints: dict[str, tuple[ASGIApp, tuple[str, ...]]] = field(default_factory=dict)
    """By method; with the names of the path's parameters."""


class Dispatch:
    """An ASGI application that is many endpoints."""

    def __init__(self) -> None:
        """Begin with none."""
        self._root = _Node()

    def add(self, method: str, path: str, endpoint: ASGIApp) -> None:
        """Serve a method of a path; `{name}` stands for one segment."""
        node, names = self._root, []
        for segment in path.strip("/").split("/"):
            if segment.startswith("{"):
                names.append(segment[1:-1])
                node.parameter = node.parameter or _Node()
                node = node.parameter
            else:
                node = node.literal.setdefault(segment, _Node())
        node.endpoints[method] = (endpoint, tuple(names))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request.

        Raises:
            HTTPException: 404 where there is no such path, 405 where it has other methods.
        """
        if scope["type"] == "websocket":  # none of the operations is a socket: refuse the upgrade
            await WebSocketClose(reason="There is no such socket.")(scope, receive, send)
            return
        endpoint, scope["path_params"] = self._find(scope)
        await endpoint(scope, receive, send)

    def _find(self, scope: Scope) -> tuple[ASGIApp, Mapping[str, str]]:
        path: str = scope.get("raw_path", b"").decode("latin-1") or scope["path"]
        root: str = scope.get("root_path", "")
        segments = path.removeprefix(root).partition("?")[0].removeprefix("/").split("/")
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        others: set[str] = set()
        for node, values in _walk(self._root, segments):
            if found := node.endpoints.get(method):
                endpoint, names = found
                return endpoint, dict(zip(names, map(unquote, values), strict=True))
            others |= node.endpoints.keys()
        if others:
            raise HTTPException(405, headers={"allow": ", ".join(sorted(others))})
        raise HTTPException(404)


def _walk(node: _Node, segments: list[str]) -> list[tuple[_Node, list[str]]]:
    """Return the nodes that a path leads to, the most literal first, with its parameters."""
    found: list[tuple[_Node, list[str]]] = [(node, [])]
    for segment in segments:
        deeper = []
        for each, values in found:
            if literal := each.literal.get(segment):
                deeper.append((literal, values))
            if each.parameter and segment:
                deeper.append((each.parameter, [*values, segment]))
        found = deeper
    return found
