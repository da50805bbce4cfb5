"""Where things go: this server's own API, called in process, that gives the ids they had."""

import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import httpx2

from turnwise.api import Deps, create_api
from turnwise.base.errors import Error
from turnwise.store.origins import Origins, random_id, unix_secs

Json = dict[str, Any]

_MICROSECOND: Final = 1e-6


class Refused(Error):
    """This server does not take something as it is."""

    code = "refused"


class KnownOrigins:
    """Ids and times of what is made next: those that it had where it comes from."""

    def __init__(self, now: Callable[[], float] = unix_secs) -> None:
        """Know nothing yet: ids are made by chance.

        Args:
            now: Tells the unix seconds where nothing is known.
        """
        self._now = now
        self._ids: dict[str, str] = {}
        self._at: float | None = None
        self._made: Counter[float] = Counter()

    def origins(self) -> Origins:
        """Return what a store asks."""
        return Origins(new_id=self._new_id, now=self._time)

    @contextmanager
    def known(self, ids: Mapping[str, str | None], at: float | None) -> Iterator[None]:
        """Give these ids and this time within the block.

        Args:
            ids: By the prefix that this server would have given; each is given once. None: chance.
            at: Unix seconds; None: now.
        """
        self._ids = {prefix: each for prefix, each in ids.items() if each}
        self._at = at
        try:
            yield
        finally:
            self._ids, self._at = {}, None

    def _new_id(self, prefix: str) -> str:
        return self._ids.pop(prefix, None) or random_id(prefix)

    def _time(self) -> float:
        if self._at is None:
            return self._now()
        self._made[self._at] += 1  # what is made one after the other keeps its order
        return self._at + self._made[self._at] * _MICROSECOND


class Target:
    """The API of a data folder, without a server."""

    def __init__(self, deps: Deps, origins: KnownOrigins, key: str) -> None:
        """Use an open store.

        Args:
            deps: What the API works with.
            origins: What the store was opened with.
            key: An API key that it takes.
        """
        self.deps = deps
        self.origins = origins
        # an answer of 500 is told like any other: the rest is still to be moved
        transport = httpx2.ASGITransport(create_api(deps), raise_app_exceptions=False)
        self._client = httpx2.AsyncClient(
            transport=transport, base_url="http://turnwise.internal", headers={"xi-api-key": key}
        )

    async def aclose(self) -> None:
        """Let go of the API; the store stays open."""
        await self._client.aclose()

    async def make(
        self,
        path: str,
        body: Json,
        ids: Mapping[str, str | None] | None = None,
        *,
        at: float | None = None,
        shown: tuple[str, str] | None = None,
    ) -> Json:
        """Make something and return the answer.

        Args:
            path: Where it is posted.
            body: What is posted.
            ids: Which it is to have, by prefix.
            at: When it was made, in unix seconds; None: now.
            shown: The key of the answer where its id is, and which id that must be.

        Raises:
            Refused: If it is not taken, or has another id.
        """
        with self.origins.known(ids or {}, at):
            answer = await self.send("POST", path, body)
        if shown is not None and answer.get(shown[0]) != shown[1]:
            raise Refused(f"it has another id here: {answer.get(shown[0])}")
        return answer

    async def send(self, method: str, path: str, body: Json | None = None) -> Json:
        """Send a request and return the answer; empty: there is none.

        Raises:
            Refused: If it is an error.
        """
        try:
            answer = await self._client.request(method, path, json=body)
        except ValueError as error:  # such as a number that JSON has not
            raise Refused(f"it cannot be sent: {error}") from error
        if not answer.is_success:
            raise Refused(_reason(answer))
        found = answer.json() if answer.content else {}
        return found if isinstance(found, dict) else {}


def new_key() -> str:
    """Return a key for a store that nobody else opens with it."""
    return f"sk_{secrets.token_hex(24)}"


def _reason(answer: httpx2.Response) -> str:
    try:
        detail = answer.json()["detail"]
    except (ValueError, KeyError, TypeError):
        return f"it is not taken here: {answer.status_code}"
    if isinstance(detail, list):
        return "it is not taken here: " + "; ".join(map(_problem, detail[:3]))
    return f"it is not taken here: {detail.get('message') or answer.status_code}"


def _problem(entry: Mapping[str, Any]) -> str:
    place = ".".join(str(part) for part in entry.get("loc", ()) if part != "body")
    return f"{place}: {entry.get('msg')}"
