"""The talk page, `/talk/{agent_id}`: a conversation with an agent in a browser, by its address.

The page is plain files of ours and a client of the public API like any other: it speaks on the
conversation socket, and learns what the agent looks like where the widget does. Only the agent's
name is filled in here, and that of an agent which is not public is told to nobody.
"""

from hashlib import sha256
from html import escape
from importlib.resources import files
from string import Template
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from turnwise.agents.config import Agent, read_agent
from turnwise.store import AgentQuery, AgentRecord, Store

_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_SAMPLE = "sample"
"""The tag of the agent that a new server comes with."""
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
_PAGE_HEADERS = {
    "cache-control": "no-cache",
    "content-security-policy": _POLICY,
    "permissions-policy": "microphone=(self)",
    "referrer-policy": "no-referrer",  # the address may hold variables and a signature
    "x-content-type-options": "nosniff",
}


def routes(store: Store) -> list[BaseRoute]:
    """Return the pages, and what they are made of.

    Args:
        store: Knows the agents.
    """
    pages = _TalkPages(store)
    return [
        Route("/", pages.index),
        Route("/app/talk-to", pages.talk_to),
        Route("/talk/static/{name}", pages.part),
        Route("/talk/{agent_id}", pages.talk),
    ]


class _TalkPages:
    def __init__(self, store: Store) -> None:
        self._store = store
        static = files("turnwise.web") / "static"
        parts = [part for part in static.iterdir() if part.name.startswith("talk")]
        self._pages = {
            part.name: Template(part.read_text(encoding="utf-8"))
            for part in parts
            if part.name.endswith(".html")
        }
        self._parts = {
            part.name: (part.read_bytes(), media_type)
            for part in parts
            if (media_type := _TYPES.get(part.name[part.name.rfind(".") :]))
        }

    async def index(self, _request: Request) -> Response:
        """Show what this server has for people: what it serves, and the sample agent."""
        async with self._store.reading() as tx:
            found = await tx.agents.list(AgentQuery(tags=(_SAMPLE,), page_size=1, descending=False))
            records = [await tx.agents.get(row.agent_id) for row in found.items]
        agents = [_agent(record) for record in records if record is not None]
        links = "".join(_link(agent) for agent in agents if _is_public(agent))
        return self._show("talk_index.html", links=links)

    async def talk_to(self, request: Request) -> Response:
        """Lead from the address that the hosted service's page has to ours."""
        query = request.query_params
        rest = [(key, value) for key, value in query.multi_items() if key != "agent_id"]
        target = "../talk/" + quote(query.get("agent_id") or "-", safe="")
        return RedirectResponse(f"{target}?{urlencode(rest)}" if rest else target)

    async def talk(self, request: Request) -> Response:
        """Show the page of an agent."""
        agent_id = request.path_params["agent_id"]
        async with self._store.reading() as tx:
            record = await tx.agents.get(agent_id)
        if record is None:
            return self._show("talk_unknown.html", status=404, agent_id=agent_id)
        agent = _agent(record)
        public = _is_public(agent)
        return self._show(
            "talk.html",
            agent_id=agent.agent_id,
            name=_name(agent) if public else "A private agent",
            access="public" if public else "private",
        )

    async def part(self, request: Request) -> Response:
        """Give a file that the pages are made of."""
        found = self._parts.get(request.path_params["name"])
        if found is None:
            return Response("There is no such file.", 404, media_type="text/plain")
        content, media_type = found
        headers = {
            "cache-control": "no-cache",
            "etag": f'"{sha256(content).hexdigest()[:32]}"',
            "x-content-type-options": "nosniff",
        }
        if request.headers.get("if-none-match") == headers["etag"]:
            return Response(status_code=304, headers=headers)
        return Response(content, media_type=media_type, headers=headers)

    def _show(self, page: str, *, status: int = 200, links: str = "", **values: str) -> Response:
        filled = {name: escape(value) for name, value in values.items()}
        html = self._pages[page].substitute(filled, links=links)
        return HTMLResponse(html, status, _PAGE_HEADERS)


def _agent(record: AgentRecord) -> Agent:
    return read_agent({**record.document, "agent_id": record.agent_id})


def _is_public(agent: Agent) -> bool:
    return not agent.platform_settings.auth.enable_auth


def _name(agent: Agent) -> str:
    return agent.name or "An agent without a name"


def _link(agent: Agent) -> str:
    target = quote(agent.agent_id, safe="")
    return f'<li><a href="talk/{target}">Talk to {escape(_name(agent))}</a></li>'
