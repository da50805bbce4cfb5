"""Putting the slices together."""

from fastapi import FastAPI

from turnwise import __version__
from turnwise.api import problems
from turnwise.api.account.routes import router as account
from turnwise.api.agents.routes import router as agents
from turnwise.api.conversations.routes import router as conversations
from turnwise.api.deps import Deps
from turnwise.api.edge import Edge
from turnwise.api.health.routes import router as health
from turnwise.api.signed_urls.routes import router as signed_urls

SLICES = (health, account, agents, conversations, signed_urls)


def create_api(deps: Deps) -> FastAPI:
    """Return the REST API as an application; sockets and pages may be added to it."""
    app = FastAPI(title="Turnwise", version=__version__, redoc_url=None, redirect_slashes=False)
    app.state.deps = deps
    for router in SLICES:
        app.include_router(router)
    problems.install(app)
    app.add_middleware(Edge, max_body_bytes=deps.max_body_bytes)
    return app
