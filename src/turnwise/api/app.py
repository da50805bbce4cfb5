"""Putting the slices together."""

import inspect
from collections.abc import Iterable, Sequence

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount

from turnwise.api import health, metrics, pages, problems
from turnwise.api.account.routes import account
from turnwise.api.agent_testing.routes import agent_testing
from turnwise.api.agents.prices import prices
from turnwise.api.agents.routes import agents
from turnwise.api.agents.widget import ROUTES as AVATARS
from turnwise.api.agents.widget import widget
from turnwise.api.analysis_items.routes import analysis_items
from turnwise.api.analytics.routes import analytics
from turnwise.api.api_integrations.routes import api_integrations
from turnwise.api.auth_connections.routes import auth_connections
from turnwise.api.batch_calling.routes import batch_calling
from turnwise.api.branches.deployments import deployments
from turnwise.api.branches.merges import merges
from turnwise.api.branches.routes import branches
from turnwise.api.conversations.feedback import feedback
from turnwise.api.conversations.files import files
from turnwise.api.conversations.routes import conversations
from turnwise.api.conversations.search import search
from turnwise.api.conversations.tags import tags
from turnwise.api.conversations.users import users
from turnwise.api.deps import Deps
from turnwise.api.dispatch import Dispatch
from turnwise.api.edge import Edge
from turnwise.api.environments.routes import environments
from turnwise.api.environments.variable_routes import environment_variables
from turnwise.api.knowledge_base import source_files
from turnwise.api.knowledge_base.routes import knowledge_base
from turnwise.api.llm.routes import llm
from turnwise.api.mcp_servers.routes import mcp_servers
from turnwise.api.mcp_servers.tool_routes import mcp_tools
from turnwise.api.phone_numbers.routes import phone_numbers
from turnwise.api.pronunciation_dictionaries.routes import dictionaries
from turnwise.api.secrets.routes import secrets
from turnwise.api.serving import NotServed, Route, Served, Slice
from turnwise.api.settings.routes import settings
from turnwise.api.signed_urls.routes import signed_urls
from turnwise.api.single_use_token.routes import single_use_tokens
from turnwise.api.speech_to_text.routes import speech_to_text
from turnwise.api.test_invocations.routes import test_invocations
from turnwise.api.text_to_speech.routes import text_to_speech
from turnwise.api.tools.routes import tools
from turnwise.api.twilio.routes import twilio
from turnwise.api.voices.models import models
from turnwise.api.voices.routes import voices
from turnwise.api.webhooks.routes import webhooks
from turnwise.contract import load

SLICES: Sequence[Slice] = (
    account,
    agents,
    widget,
    prices,
    branches,
    merges,
    deployments,
    conversations,
    signed_urls,
    feedback,
    files,
    search,
    tags,
    users,
    analytics,
    voices,
    models,
    text_to_speech,
    dictionaries,
    single_use_tokens,
    speech_to_text,
    tools,
    secrets,
    settings,
    environments,
    environment_variables,
    mcp_servers,
    mcp_tools,
    api_integrations,
    auth_connections,
    webhooks,
    knowledge_base,
    agent_testing,
    test_invocations,
    phone_numbers,
    twilio,
    batch_calling,
    analysis_items,
    llm,
)


def create_api(deps: Deps, more: Iterable[BaseRoute] = ()) -> Starlette:
    """Return the REST API as an application.

    Args:
        deps: What it works with.
        more: Sockets and pages beside it.
    """
    rest = Mount("/", _dispatch())
    told = {key: sentence_of(route) for key, route in implemented().items()}
    beside = [*health.ROUTES, *metrics.ROUTES, *AVATARS, *pages.routes(told), *source_files.ROUTES]
    app = Starlette(routes=[*more, *beside, rest])
    app.state.deps = deps
    problems.install(app)
    app.add_middleware(Edge, max_body_bytes=deps.max_body_bytes)
    return app


def implemented() -> dict[str, Route]:
    """Return the operations that are served, by their names in the contract."""
    return {route.key: route for part in SLICES for route in part.routes}


def sentence_of(route: Route) -> str:
    """Return what an operation does, in one sentence."""
    return (inspect.getdoc(route.handler) or "").partition("\n")[0]


def _dispatch() -> Dispatch:
    dispatch, operations, served = Dispatch(), load().operations, implemented()
    for key, operation in operations.items():
        route = served.get(key)
        dispatch.add(
            operation.method,
            operation.path,
            Served(operation, route.handler, route.access) if route else NotServed(key),
        )
    return dispatch
