"""What `turnwise bench` needs of the server: an agent to call, and what the calls cost."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import OpenerDirector, ProxyHandler, Request, build_opener

from turnwise.base.errors import ConfigError
from turnwise.cli.talk_server import Server, find_agent
from turnwise.settings import Settings
from turnwise.testing.load import MetricsUsage, ProcessUsage, UsageSource

_ANSWER_S = 10.0
AGENT: dict[str, Any] = {
    "name": "Load",
    "tags": ["bench"],
    "conversation_config": {
        "agent": {
            "first_message": "Hello, how can I help you?",
            "prompt": {"prompt": "You are brief: you answer with two sentences."},
        },
        "conversation": {"max_duration_seconds": 86_400},
    },
}
"""Who is called where nobody is named."""


def check_reachable(server: Server) -> None:
    """Find out before the load whether anything is there.

    Raises:
        ConfigError: If not.
    """
    try:
        with _opener(server).open(Request(server.url), timeout=_ANSWER_S):  # noqa: S310 - see below
            return
    except HTTPError:
        return  # it is there, and has no such page
    except (URLError, OSError) as error:
        raise _unreachable(server, error) from error


@contextmanager
def agent_to_call(server: Server, wanted: str, settings: Settings) -> Iterator[str]:
    """Give the id of the agent that is meant; one that was made for it is removed at the end.

    Args:
        server: Where it is.
        wanted: Its id or name; empty: one is made.
        settings: As `find_agent` needs them.

    Raises:
        ConfigError: If it is not there, or cannot be made.
    """
    if wanted:
        yield find_agent(server, wanted, settings).agent_id
        return
    if not server.api_key:
        raise ConfigError(
            "without a key no agent can be made: give --api-key, or the id of a public agent"
        )
    made = _ask(server, "POST", "/v1/convai/agents/create", AGENT)
    agent_id = str(made["agent_id"])
    try:
        yield agent_id
    finally:
        _ask(server, "DELETE", f"/v1/convai/agents/{agent_id}")


def usage_source(server: Server, pid: int | None) -> UsageSource | None:
    """Return who knows what the server takes; None: nobody.

    Raises:
        ConfigError: If there is no such process.
    """
    if pid is not None:
        return ProcessUsage(pid)
    metrics = MetricsUsage(f"{server.url}/metrics", server.api_key)
    try:
        metrics.read()
    except ConfigError:
        return None
    return metrics


def _ask(server: Server, method: str, path: str, body: object = None) -> dict[str, Any]:
    request = Request(  # noqa: S310 - `checked_url` saw it
        f"{server.url}{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"xi-api-key": server.api_key, "content-type": "application/json"},
    )
    try:
        with _opener(server).open(request, timeout=_ANSWER_S) as answer:
            told = json.loads(answer.read() or b"{}")
    except HTTPError as error:
        raise ConfigError(
            f"{server.url} answers {method} {path} with status {error.code}"
        ) from error
    except (URLError, OSError, ValueError) as error:
        raise _unreachable(server, error) from error
    return told if isinstance(told, dict) else {}


def _opener(server: Server) -> OpenerDirector:
    return build_opener(ProxyHandler({})) if server.is_local else build_opener()


def _unreachable(server: Server, error: Exception) -> ConfigError:
    reason = getattr(error, "reason", error)
    return ConfigError(f"no server answers at {server.url}: {reason}")
