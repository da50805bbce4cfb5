"""How fast the store is: agents by id, lists of agents, filtered lists of conversations.

    python benchmarks/storage.py                                   on SQLite, in a new folder
    python benchmarks/storage.py --url postgresql://u:p@host/name  on an empty PostgreSQL database

Prints one line per figure and the target beside it: milliseconds until an answer, the best, the
middle one and that which 95 of 100 do not exceed. Where the machine does other things besides, the
best says more, and so does the time of a processor that this process used, in the middle; that of a
PostgreSQL is not in it. The first lines are of the REST API, served by another process.
`scripts/with-postgres` starts a PostgreSQL for as long as a command runs:

    scripts/with-postgres sh -c 'python benchmarks/storage.py --url $TURNWISE_TEST_POSTGRES'
"""

import argparse
import asyncio
import json
import random
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from storage_http import Api, api, large

from turnwise.store import (
    AgentQuery,
    Comparison,
    ConversationQuery,
    ConversationRow,
    Page,
    Store,
    open_store,
)

START = 1_750_000_000
AT_ONCE = 500
RUNS = 60
AGENTS = "/v1/convai/agents"
WORDS = [f"{a}{b}{c}" for a in "bdklmrst" for b in "aeiou" for c in ("n", "rt", "lo", "ving", "q")]

Ask = Callable[[], Awaitable[object]]


def agent(number: int, pick: random.Random) -> dict[str, Any]:
    """An agent of a usual size: 3 KB."""
    return {
        "name": f"{pick.choice(WORDS)} {number}",
        "tags": pick.sample(["support", "sales", "german", "night", "beta"], 2),
        "conversation_config": {
            "agent": {"prompt": {"prompt": " ".join(pick.choices(WORDS, k=400))}},
            "tts": {"voice_id": f"voice_{number % 40}"},
        },
    }


def conversation(number: int, agents: int, pick: random.Random) -> dict[str, Any]:
    """A conversation of a usual size: 20 turns, a tool or two, an analysis; 8 KB."""
    rare = pick.random() < 0.0005
    turns: list[dict[str, Any]] = [
        {
            "role": ("agent", "user")[turn % 2],
            "message": " ".join(pick.choices(WORDS, k=12)) + (" zebra" if rare else ""),
            "time_in_call_secs": turn * 5,
            "tool_calls": [],
            "tool_results": [],
            "agent_metadata": {"agent_id": f"agent_{number % agents}", "workflow_node_id": "start"},
        }
        for turn in range(20)
    ]
    for tool in pick.sample(["look_up", "book", "transfer", "weather"], pick.randrange(3)):
        call = {"type": "webhook", "request_id": tool, "tool_name": tool, "tool_id": f"tool_{tool}"}
        turns[2]["tool_calls"].append({**call, "params_as_json": "{}"})
        turns[4]["tool_results"].append({**call, "is_error": pick.random() < 0.1})
    success = pick.choices(["success", "failure", "unknown"], [70, 20, 10])[0]
    return {
        "conversation_id": f"conv_{number:028x}",
        "agent_id": f"agent_{min(int(pick.expovariate(0.05)), agents - 1)}",
        "user_id": f"user_{pick.randrange(20_000)}",
        "branch_id": f"agtbrch_{pick.randrange(20)}",
        "status": pick.choices(["done", "failed"], [98, 2])[0],
        "tag_ids": [f"tag_{int(pick.expovariate(0.3))}"],
        "metadata": {
            "start_time_unix_secs": START + number * 100 + pick.randrange(300),
            "call_duration_secs": int(pick.expovariate(0.01)),
            "main_language": pick.choices(["en", "de", "fr", "sv"], [80, 15, 4, 1])[0],
            "termination_reason": pick.choices(["Client disconnected: 1000", "end_call"])[0],
            "conversation_initiation_source": "react_sdk",
            "text_only": pick.random() < 0.2,
            "feedback": {"rating": pick.randint(1, 5), "comment": "x" if rare else None},
        },
        "analysis": {
            "call_successful": success,
            "transcript_summary": " ".join(pick.choices(WORDS, k=60)),
            "evaluation_criteria_results": {
                name: {"result": pick.choices(["success", "failure"], [90, 10])[0]}
                for name in ("polite", "solved", "brief")
            },
            "data_collection_results": {
                "order": {"value": pick.randrange(100_000)},
                "city": {"value": pick.choice(WORDS)},
            },
        },
        "conversation_initiation_client_data": {
            "dynamic_variables": {"plan": pick.choice(["free", "pro"]), "age": pick.randrange(99)}
        },
        "transcript": turns,
    }


def queries() -> dict[str, ConversationQuery]:
    """What the list is asked for: common, rare, both together, nothing."""
    q = ConversationQuery
    order = Comparison("order", "lt", ("50",))
    return {
        "no filter": q(),
        "an agent with many": q(agent_id="agent_1"),
        "an agent with few": q(agent_id="agent_150"),
        "successful (70 %)": q(call_successful="success"),
        "of a user": q(user_id="user_77"),
        "of a week": q(started_after=START + 600_000, started_before=START + 1_200_000),
        "longer than 15 minutes (rare)": q(duration_min_secs=900),
        "rated 4 or 5": q(rating_min=4),
        "with a comment (rare)": q(has_feedback_comment=True),
        "only text, German, failed criterion": q(
            text_only=True, main_languages=("de",), evaluations=(("solved", "failure"),)
        ),
        "any of 3 tags": q(tag_ids=("tag_1", "tag_9", "tag_20")),
        "a tool with an error": q(tool_names_errored=("book",)),
        "tool and agent and success": q(
            tool_names=("book",), agent_id="agent_1", call_successful="success"
        ),
        "not done": q(exclude_statuses=("done", "failed")),
        "an order below 50 (rare)": q(data_collection=(order,)),
        "no age, which all have": q(dynamic_variables=(Comparison("age", "eq", ("",)),)),
        "a plan that is not pro": q(dynamic_variables=(Comparison("plan", "neq", ("pro",)),)),
        "plan and age": q(
            dynamic_variables=(Comparison("plan", "eq", ("pro",)), Comparison("age", "gt", ("50",)))
        ),
        "two common ones that never meet": q(
            exclude_statuses=("done",), call_successful="success", main_languages=("sv",)
        ),
        "a rare word": q(search="zebra"),
        "a common word": q(search="ban"),
        "common words, success, German": q(
            search="ban delo", call_successful="success", main_languages=("de",)
        ),
        "two common beginnings of words": q(search="ba de"),
    }


async def measured(ask: Ask, runs: int = RUNS) -> tuple[float, ...]:
    """Ask so often, one after the other.

    Returns:
        The best, the middle one, what 95 % do not exceed, and the time of a processor, in ms.
    """
    await ask()
    took, used = [], []
    for _ in range(runs):
        began, before = time.perf_counter(), time.process_time()
        await ask()
        took.append((time.perf_counter() - began) * 1000)
        used.append((time.process_time() - before) * 1000)
    took.sort()
    return took[0], took[runs // 2], took[int(runs * 0.95)], sorted(used)[runs // 2]


def row(table: Table, name: str, figures: tuple[float, ...], target: str = "") -> None:
    table.add_row(name, *(f"{figure:.1f}" for figure in figures), target)


async def http_figures(server: Api, table: Table) -> None:
    """Measure what clients of the REST API see; here the client's time of a processor is no use."""
    line = await server.line()
    listed = json.loads(await line.ask("GET", f"{AGENTS}?page_size=1&sort_direction=asc"))
    first = f"{AGENTS}/{listed['agents'][0]['agent_id']}"
    line.writer.close()
    a_second, a_second_of_cpu = await server.rate(first, 4_000)
    line = await server.line()
    table.add_row("GET agent, a second", f"{a_second:,.0f}", "", "", "", "800")
    table.add_row("  by the server's processor", f"{a_second_of_cpu:,.0f}", "", "", "", "")
    figures = await measured(partial(line.ask, "GET", f"{AGENTS}?page_size=100"))
    row(table, "GET 100 agents", figures[:3], "30")
    made = json.loads(await line.ask("POST", f"{AGENTS}/create", large("large")))

    body, numbers = large("large 0"), count(1)

    async def store_and_read() -> None:
        changed = body.replace(b"large 0", b"large %d" % next(numbers), 1)
        await line.ask("PATCH", f"{AGENTS}/{made['agent_id']}", changed)
        await line.ask("GET", f"{AGENTS}/{made['agent_id']}")

    row(table, "PATCH a prompt of 2 MB and GET it", (await measured(store_and_read))[:3], "100")
    await line.ask("DELETE", f"{AGENTS}/{made['agent_id']}")
    line.writer.close()


async def fill_agents(store: Store, agents: int) -> None:
    """Store agents, unless there are some."""
    pick = random.Random(6)  # noqa: S311  # the same each time
    async with store.writing() as tx:
        if not (await tx.agents.list(AgentQuery(page_size=1))).items:
            for number in range(agents):
                await tx.agents.create(agent(number, pick))


async def fill(store: Store, conversations: int) -> float:
    """Store conversations that are not there yet; return the mean time of one, in ms."""
    async with store.reading() as tx:
        if await tx.conversations.get(f"conv_{conversations - 1:028x}"):
            return 0.0
    pick = random.Random(7)  # noqa: S311
    took, stored = 0.0, 1
    for start in range(0, conversations, AT_ONCE):
        documents = [conversation(n, 200, pick) for n in range(start, start + AT_ONCE)]
        async with store.writing() as tx:
            if await tx.conversations.get(documents[-1]["conversation_id"]):
                continue
            began = time.perf_counter()
            for document in documents:
                await tx.conversations.begin(document)
        took += time.perf_counter() - began
        stored += AT_ONCE
    return took / stored * 1000


async def agent_figures(store: Store, table: Table) -> None:
    """Measure what is done with agents."""
    async with store.reading() as tx:
        known = await tx.agents.list(AgentQuery(page_size=1_000))
        half = await tx.agents.list(AgentQuery(page_size=len(known.items) // 2))
    ids = [row.agent_id for row in known.items]
    pick = random.Random(8)  # noqa: S311

    async def get() -> None:
        async with store.reading() as tx:
            assert await tx.agents.get(pick.choice(ids))

    async def page() -> None:
        async with store.reading() as tx:
            await tx.agents.list(AgentQuery(page_size=100, cursor=half.next_cursor))

    row(table, "get an agent", await measured(get, 1_000))
    row(table, "a page of 100 agents", await measured(page), "30")


async def conversation_figures(store: Store, table: Table) -> None:
    """Measure the list of conversations."""
    for name, query in queries().items():
        page = await conversations(store, query)
        figures = await measured(partial(conversations, store, query))
        row(table, f"{name} ({len(page.items)})", figures, "50")
        if page.next_cursor:
            later = replace(query, cursor=page.next_cursor)
            row(
                table, "  the next page", await measured(partial(conversations, store, later)), "50"
            )


async def conversations(store: Store, query: ConversationQuery) -> Page[ConversationRow]:
    async with store.reading() as tx:
        return await tx.conversations.list(query)


async def save_figures(store: Store, table: Table) -> None:
    """Measure what a turn costs."""
    pick = random.Random(9)  # noqa: S311
    document = conversation(10**9, 200, pick) | {"status": "in-progress"}
    document["conversation_id"] = store.new_id("conv_")
    async with store.writing() as tx:
        await tx.conversations.begin(document)

    async def save() -> None:
        async with store.writing() as tx:
            await tx.conversations.save(document)

    row(table, "save a conversation that goes on", await measured(save))
    document["status"] = "done"
    row(table, "save one that is over", await measured(save))


async def measure(url: str, folder: Path, agents: int, conversations: int) -> None:
    """Fill a store and print the figures."""
    store = await open_store(url, folder)
    await fill_agents(store, agents)
    took = await fill(store, conversations)
    title = f"{url.partition(':')[0]}, {agents:,} agents, {conversations:,} conversations"
    table = Table(title, "best ms", "middle", "p95", "processor", "target", box=None)
    async with api(url, folder) as server:
        await http_figures(server, table)
    if took:
        table.add_row("store a conversation (mean)", f"{took:.1f}")
    await agent_figures(store, table)
    await save_figures(store, table)
    await conversation_figures(store, table)
    Console(highlight=False, width=100).print(table)
    await store.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", help="an empty PostgreSQL database; without: SQLite")
    parser.add_argument(
        "--folder", type=Path, help="to be kept, and used again; without: a new one"
    )
    parser.add_argument("--agents", type=int, default=10_000)
    parser.add_argument("--conversations", type=int, default=100_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as new:
        folder = options.folder or Path(new)
        folder.mkdir(exist_ok=True)
        url = options.url or f"sqlite:///{folder / 'bench.db'}"
        asyncio.run(measure(url, folder, options.agents, options.conversations))


if __name__ == "__main__":
    main()
