"""Which server and which agent `turnwise talk` talks to; a server in this process if there is none.

What is asked of a server here is what any client may ask of it. Without a key the agents cannot be
listed, so those of this machine are looked up in its own data folder.
"""

import asyncio
import json
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from threading import Thread
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import OpenerDirector, ProxyHandler, Request, build_opener

from turnwise.base.errors import ConfigError
from turnwise.settings import Settings
from turnwise.store import AgentQuery, open_store

SOCKET_PATH = "/v1/convai/conversation"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_ANSWER_S = 10.0
_START_S = 60.0
"""How long a server in this process may take to start."""
_AGENTS_READ = 100


@dataclass(frozen=True, slots=True)
class Server:
    """Where to talk to, and as whom."""

    url: str
    """`http://…` without a slash at the end."""
    api_key: str
    """Empty: none."""

    @property
    def is_local(self) -> bool:
        """Whether it runs on this machine."""
        return urlsplit(self.url).hostname in _LOOPBACK

    def is_reachable(self) -> bool:
        """Return whether a Turnwise answers there."""
        try:
            return bool(self.get("/healthz").get("status") == "ok")
        except ConfigError:
            return False

    def get(self, path: str, **query: str) -> dict[str, Any]:
        """Return the answer to a GET request.

        Raises:
            ConfigError: If there is no good one.
        """
        address = f"{self.url}{path}?{urlencode(query)}" if query else f"{self.url}{path}"
        headers = {"xi-api-key": self.api_key} if self.api_key else {}
        try:
            request = Request(address, headers=headers)  # noqa: S310 - `checked_url` saw it
            with self._opener().open(request, timeout=_ANSWER_S) as answer:
                told = json.load(answer)
        except HTTPError as error:
            raise ConfigError(self._refusal(error.code)) from error
        except (URLError, OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
            raise ConfigError(f"no server answers at {self.url}: {reason}") from error
        return told if isinstance(told, dict) else {}

    def _opener(self) -> OpenerDirector:
        return build_opener(ProxyHandler({})) if self.is_local else build_opener()

    def _refusal(self, status: int) -> str:
        if status in {401, 403}:
            return f"{self.url} does not accept the API key; see --api-key and TURNWISE_API_KEY"
        if status == 404:
            return f"{self.url} knows no such agent"
        return f"{self.url} answers with status {status}"


def checked_url(url: str) -> str:
    """Return the URL of a server without a slash at its end.

    Raises:
        ConfigError: If it is none.
    """
    try:
        parts = urlsplit(url)
        sound = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        sound = False
    if not sound:
        raise ConfigError(f"--url is {url!r}; it should be like http://127.0.0.1:8017")
    return url.rstrip("/")


@contextmanager
def server_here(settings: Settings) -> Iterator[Server]:
    """Run a server in this process, on a free port, for as long as the block lasts.

    Raises:
        ConfigError: If it cannot start.
    """
    import uvicorn  # noqa: PLC0415 - only where no server is there already

    from turnwise import minds as engines  # noqa: PLC0415
    from turnwise.main import (  # noqa: PLC0415
        Application,
        claim,
        listen,
        prepare_house,
        uvicorn_options,
    )

    key = settings.api_key or f"sk_{secrets.token_hex(24)}"
    settings = replace(settings, host="127.0.0.1", port=0, api_key=key, workers=1)
    engines.choose(settings)
    try:
        lock = claim(settings.data)
    except ConfigError as error:
        raise ConfigError(f"{error}; --url names a server that runs already") from error
    with lock, listen(settings) as listening:
        asyncio.run(prepare_house(settings))
        server = uvicorn.Server(uvicorn.Config(Application(settings), **uvicorn_options(settings)))
        thread = Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        try:
            here = Server(f"http://127.0.0.1:{listening.getsockname()[1]}", key)
            _wait_until_up(here, thread)
            yield here
        finally:
            server.should_exit = True
            thread.join(_START_S)


def _wait_until_up(server: Server, thread: Thread) -> None:
    for _ in range(int(_START_S * 20)):
        if not thread.is_alive():
            break
        if server.is_reachable():
            return
        thread.join(0.05)
    raise ConfigError("a server cannot be started here; `turnwise serve` says more")


# --- the agent ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Found:
    """An agent to talk to."""

    agent_id: str
    name: str
    """Its id, where the name is not known."""
    address: str
    """URL of the conversation socket."""


@dataclass(frozen=True, slots=True)
class _Row:
    agent_id: str
    name: str
    sample: bool


def find_agent(server: Server, wanted: str, settings: Settings) -> Found:
    """Return the agent that is meant: by id, by name, or the newest sample, or the first one.

    Raises:
        ConfigError: If there is none, or there is no way to know.
    """
    if wanted.startswith("agent_"):
        chosen = _Row(wanted, "", sample=False)
    else:
        chosen = _chosen(_rows(server, settings), wanted)
    if not server.api_key:
        address = public_address(server.url, chosen.agent_id)
    else:
        signed = server.get(f"{SOCKET_PATH}/get-signed-url", agent_id=chosen.agent_id)
        address = str(signed.get("signed_url", ""))
    return Found(chosen.agent_id, chosen.name or chosen.agent_id, address)


def public_address(url: str, agent_id: str) -> str:
    """Return where a conversation with a public agent begins."""
    scheme, _, rest = url.partition("://")
    query = urlencode({"agent_id": agent_id})
    return f"{'wss' if scheme == 'https' else 'ws'}://{rest}{SOCKET_PATH}?{query}"


def _rows(server: Server, settings: Settings) -> list[_Row]:
    """Return the agents, the newest first."""
    if server.api_key:
        told = server.get("/v1/convai/agents", page_size=str(_AGENTS_READ)).get("agents", [])
        return [_Row(r["agent_id"], r.get("name", ""), _is_sample(r.get("tags"))) for r in told]
    if not server.is_local or not settings.data.exists():
        raise ConfigError(
            f"the agents of {server.url} can be listed only with a key:"
            " give --api-key, or the id of a public agent"
        )
    return asyncio.run(_rows_here(settings))


async def _rows_here(settings: Settings) -> list[_Row]:
    store = await open_store(settings.store_url, settings.data)
    try:
        async with store.reading() as tx:
            page = await tx.agents.list(AgentQuery(page_size=_AGENTS_READ, archived=False))
    finally:
        await store.close()
    return [_Row(row.agent_id, row.name, _is_sample(row.tags)) for row in page.items]


def _is_sample(tags: Sequence[str] | None) -> bool:
    return "sample" in (tags or ())


def _chosen(rows: list[_Row], wanted: str) -> _Row:
    if not rows:
        raise ConfigError("there is no agent yet; `turnwise serve` makes one")
    if not wanted:
        return next((row for row in rows if row.sample), rows[-1])
    by_id = [row for row in rows if row.agent_id == wanted]
    by_name = [row for row in rows if row.name.casefold() == wanted.casefold()]
    similar = [row for row in rows if wanted.casefold() in row.name.casefold()]
    found = by_id or by_name or similar
    if len(found) == 1 or by_name:
        return found[0]
    names = ", ".join(f"{row.agent_id} ({row.name})" for row in (found or rows)[:5])
    if found:
        raise ConfigError(f"several agents have {wanted!r} in their name: {names}")
    raise ConfigError(f"there is no agent {wanted!r}; there are {names}")
