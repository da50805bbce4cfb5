"""Lists of conversations hold what their query asks for, told by a second way to find out."""

import operator
import random
import re
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from turnwise.store import Comparison, ConversationQuery, CursorRejected, Store
from turnwise.store import conversation_filters as filters
from turnwise.store.conversation_ports import Operator
from turnwise.store.sql import SqlStore
from turnwise.store.tables import FACETS, TEXTS

pytestmark = pytest.mark.anyio

Document = dict[str, Any]
NAMES = ("a", "b")
SAID = ("Red sun", "blue moon, RED!", "redder", "Größe", "東京", "")


def turn(number: int, *, failed: bool, ran: bool) -> Document:
    call = {
        "tool_name": f"tool{number}",
        "request_id": "1",
        "tool_id": f"id{number}",
        "tool_has_been_called": ran,
    }
    return {
        "role": "agent",
        "message": SAID[number],
        "agent_metadata": {
            "agent_id": f"agent_{number}",
            "branch_id": f"branch_{number}",
            "workflow_node_id": f"node{number}",
        },
        "tool_calls": [call],
        "tool_results": [call | {"is_error": failed, "result": procedure(number)}],
        "triggered_guardrails": [{"guardrail_type": f"g{number}", "guardrail_name": f"n{number}"}],
    }


def procedure(number: int) -> Document:
    return {"result_type": "start_procedure_success", "procedure_id": f"p{number}"}


def make(number: int, pick: random.Random) -> Document:
    """A conversation with something in every place that a list can be narrowed by."""

    def word() -> str | None:
        return pick.choice([None, *NAMES])

    def some() -> list[str]:
        return [name for name in NAMES if pick.random() < 0.4]

    def values() -> Document:
        return {name: pick.choice([None, "", "x", 1, 2.5, 30, True]) for name in some()}

    return {
        "conversation_id": f"conv_{number}",
        "agent_id": f"agent_{pick.randrange(3)}",
        "status": pick.choice(["in-progress", "done", "done", "failed"]),
        "user_id": word(),
        "branch_id": word(),
        "version_id": word(),
        "tag_ids": some(),
        "topic_ids": some(),
        "conversation_product": pick.choice(["agent", "speech_engine"]),
        "metadata": {
            "start_time_unix_secs": pick.randrange(5),
            "call_duration_secs": pick.randrange(5),
            "parent_conversation_id": word(),
            "main_language": word(),
            "termination_reason": word(),
            "conversation_initiation_source": word(),
            "text_only": pick.choice([True, False]),
            "feedback": {"rating": pick.choice([None, 1, 2, 3, 4, 5]), "comment": word()},
            "phone_call": {"phone_number_id": word()},
            "whatsapp": {"whatsapp_phone_number_id": word()},
        },
        "analysis": {
            "call_successful": pick.choice([None, "success", "failure"]),
            "evaluation_criteria_results": {
                name: {"result": pick.choice(["ok", "no"])} for name in some()
            },
            "data_collection_results": {name: {"value": value} for name, value in values().items()},
        },
        "conversation_initiation_client_data": {"dynamic_variables": values()},
        "transcript": [
            turn(pick.randrange(6), failed=pick.random() < 0.5, ran=pick.random() < 0.7)
            for _ in range(pick.randrange(4))
        ],
    }


@pytest.fixture
async def stored(store: Store) -> list[Document]:
    pick = random.Random(3)  # noqa: S311  # the same each time
    documents = [make(number, pick) for number in range(60)]
    async with store.writing() as tx:
        for document in documents:
            await tx.conversations.begin(document)
    return documents


some_of = {
    kind: st.lists(st.sampled_from([f"{kind}{n}" for n in range(3)]), min_size=1, max_size=2).map(
        tuple
    )
    for kind in ("tool", "id", "node", "g", "n", "p", "agent_", "branch_")
}
SOME = st.lists(st.sampled_from(NAMES), min_size=1, max_size=2).map(tuple)
ONE = st.sampled_from(NAMES)
COMPARISONS = st.builds(
    Comparison,
    st.sampled_from(NAMES),
    st.sampled_from(["eq", "neq"]),
    st.sampled_from([("",), ("x",), ("1",), ("2.5",), ("true",)]),
) | st.builds(
    Comparison,
    st.sampled_from(NAMES),
    st.sampled_from(["gt", "gte", "lt", "lte", "in"]),
    st.sampled_from([("1",), ("2",), ("2.5",)]),
)
ASKED: dict[str, st.SearchStrategy[Any]] = {
    "agent_id": st.sampled_from(["agent_0", "agent_1"]),
    "user_id": ONE,
    "branch_id": ONE,
    "version_id": ONE,
    "parent_conversation_id": ONE,
    "started_before": st.integers(0, 4),
    "started_after": st.integers(0, 4),
    "duration_min_secs": st.integers(0, 4),
    "duration_max_secs": st.integers(0, 4),
    "rating_min": st.integers(1, 5),
    "rating_max": st.integers(1, 5),
    "has_feedback_comment": st.booleans(),
    "text_only": st.booleans(),
    "exclude_statuses": st.sampled_from([("done",), ("in-progress", "failed")]),
    "call_successful": st.sampled_from(["success", "failure", "unknown", "error"]),
    "conversation_initiation_source": st.sampled_from([*NAMES, "unknown"]),
    "product": st.sampled_from(["agents", "speech_engine"]),
    "main_languages": SOME,
    "termination_reasons": SOME,
    "phone_number_ids": SOME,
    "whatsapp_phone_number_ids": SOME,
    "tag_ids": SOME,
    "topic_ids": SOME,
    "visited_agent_ids": some_of["agent_"],
    "visited_agent_branch_ids": some_of["branch_"],
    "workflow_node_entered_id": some_of["node"].map(lambda nodes: nodes[0]),
    "triggered_procedure_ids": some_of["p"],
    "guardrail_types": some_of["g"],
    "custom_guardrail_names": some_of["n"],
    "tool_names": some_of["tool"],
    "tool_names_successful": some_of["tool"],
    "tool_names_errored": some_of["tool"],
    "tool_ids": some_of["id"],
    "tool_ids_successful": some_of["id"],
    "tool_ids_errored": some_of["id"],
    "include_invalid_tool_calls": st.booleans(),
    "evaluations": st.lists(st.tuples(ONE, st.sampled_from(["ok", "no"])), max_size=2).map(tuple),
    "data_collection": st.lists(COMPARISONS, max_size=2).map(tuple),
    "dynamic_variables": st.lists(COMPARISONS, max_size=2).map(tuple),
    "search": st.sampled_from(["red", "RED moon", "größ", "京", "?!", "sun blue", "edder", "r"]),
}


@st.composite
def queries(draw: st.DrawFn) -> ConversationQuery:
    asked = draw(st.lists(st.sampled_from(sorted(ASKED)), unique=True, max_size=3))
    return ConversationQuery(
        page_size=draw(st.sampled_from([3, 100])),
        descending=draw(st.booleans()),
        **{name: draw(ASKED[name]) for name in asked},
    )


def test_every_field_of_a_query_is_asked_for() -> None:
    how = {"page_size", "cursor", "descending"}
    assert {field.name for field in fields(ConversationQuery)} - how == set(ASKED)


@given(query=queries(), common=st.sampled_from([1, 20]), near=st.sampled_from([1, 5, 1_000]))
@settings(max_examples=250, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_a_list_holds_what_it_is_asked_for(
    store: Store,
    stored: list[Document],
    monkeypatch: pytest.MonkeyPatch,
    query: ConversationQuery,
    common: int,
    near: int,
) -> None:
    monkeypatch.setattr(filters, "COUNTED", common)
    monkeypatch.setattr(filters, "NEAR", near)
    found: list[str] = []
    asked: ConversationQuery | None = query
    async with store.reading() as tx:
        while asked:
            page = await tx.conversations.list(asked)
            found += [row.head["conversation_id"] for row in page.items]
            asked = replace(asked, cursor=page.next_cursor) if page.next_cursor else None
    by_start = sorted(stored, key=lambda document: document["metadata"]["start_time_unix_secs"])
    expected = [d["conversation_id"] for d in by_start if asked_for(d, query)]
    assert found == (expected[::-1] if query.descending else expected)


def asked_for(document: Document, query: ConversationQuery) -> bool:
    """Whether a query asks for a conversation, read off its document."""
    return all(
        check(document, getattr(query, name), query)
        for name, check in CHECKS.items()
        if getattr(query, name) not in (None, (), "")
    )


Check = Callable[[Document, Any, ConversationQuery], bool]


def _results(kind: str, *outcomes: str) -> Check:
    """A call counts if it ran, or also if it did not; its result says how it went."""

    def check(document: Document, wanted: Any, query: ConversationQuery) -> bool:  # noqa: ANN401
        return any(
            result[kind] in wanted
            and ("errored" if result["is_error"] else "successful") in outcomes
            and (result["tool_has_been_called"] or query.include_invalid_tool_calls)
            for turn in document["transcript"]
            for result in turn["tool_results"]
        )

    return check


def _same(field: str) -> Check:
    return lambda document, wanted, _: document[field] == wanted


def _shared(field: str) -> Check:
    return lambda document, wanted, _: bool({*document[field]} & {*wanted})


NUMERIC = {"gt": operator.gt, "gte": operator.ge, "lt": operator.lt, "lte": operator.le}


def _compares(values: Document, asked: Comparison) -> bool:
    value = values.get(asked.name)
    if asked.operator in NUMERIC:
        if isinstance(value, bool | str | None):
            return False
        return bool(NUMERIC[asked.operator](value, float(asked.values[0])))
    text = "" if value is None else "true" if value is True else str(value)
    return (text not in asked.values) if asked.operator == "neq" else (text in asked.values)


def _words(text: str) -> list[str]:
    return re.findall(r"[東京]|[a-zß-ÿ]+", text.casefold())


def _searched(document: Document, text: str) -> bool:
    said = [word for turn in document["transcript"] for word in _words(turn["message"])]
    asked = _words(text)
    starts = all(
        any(word.startswith(one) if len(one) > 1 else word == one for word in said) for one in asked
    )
    return bool(asked) and document["status"] != "in-progress" and starts


def _successes(document: Document) -> set[str]:
    found = {document["analysis"]["call_successful"] or "unknown"}
    return found | ({"error"} if document["status"] == "failed" else set())


def _data(document: Document) -> Document:
    results = document["analysis"]["data_collection_results"]
    return {name: result["value"] for name, result in results.items()}


def _seen(document: Document, key: str) -> set[str | None]:
    return {document[key]} | {turn["agent_metadata"][key] for turn in document["transcript"]}


def _guardrails(document: Document, key: str) -> set[str]:
    return {found[key] for turn in document["transcript"] for found in turn["triggered_guardrails"]}


CHECKS: dict[str, Check] = {
    **{name: _same(name) for name in ("agent_id", "user_id", "branch_id", "version_id")},
    **{name: _shared(name) for name in ("tag_ids", "topic_ids")},
    "parent_conversation_id": lambda d, x, _: d["metadata"]["parent_conversation_id"] == x,
    "started_before": lambda d, x, _: d["metadata"]["start_time_unix_secs"] < x,
    "started_after": lambda d, x, _: d["metadata"]["start_time_unix_secs"] > x,
    "duration_min_secs": lambda d, x, _: d["metadata"]["call_duration_secs"] >= x,
    "duration_max_secs": lambda d, x, _: d["metadata"]["call_duration_secs"] <= x,
    "rating_min": lambda d, x, _: (d["metadata"]["feedback"]["rating"] or 0) >= x,
    "rating_max": lambda d, x, _: (d["metadata"]["feedback"]["rating"] or 9) <= x,
    "has_feedback_comment": lambda d, x, _: bool(d["metadata"]["feedback"]["comment"]) == x,
    "text_only": lambda d, x, _: d["metadata"]["text_only"] == x,
    "exclude_statuses": lambda d, x, _: d["status"] not in x,
    "call_successful": lambda d, x, _: x in _successes(d),
    "conversation_initiation_source": lambda d, x, _: (
        (d["metadata"]["conversation_initiation_source"] or "unknown") == x
    ),
    "product": lambda d, x, _: d["conversation_product"].startswith(x.rstrip("s")),
    "main_languages": lambda d, x, _: d["metadata"]["main_language"] in x,
    "termination_reasons": lambda d, x, _: d["metadata"]["termination_reason"] in x,
    "phone_number_ids": lambda d, x, _: d["metadata"]["phone_call"]["phone_number_id"] in x,
    "whatsapp_phone_number_ids": lambda d, x, _: (
        d["metadata"]["whatsapp"]["whatsapp_phone_number_id"] in x
    ),
    "visited_agent_ids": lambda d, x, _: bool(_seen(d, "agent_id") & {*x}),
    "visited_agent_branch_ids": lambda d, x, _: bool(_seen(d, "branch_id") & {*x}),
    "workflow_node_entered_id": lambda d, x, _: any(
        turn["agent_metadata"]["workflow_node_id"] == x for turn in d["transcript"]
    ),
    "triggered_procedure_ids": lambda d, x, _: any(
        result["result"]["procedure_id"] in x
        for turn in d["transcript"]
        for result in turn["tool_results"]
    ),
    "guardrail_types": lambda d, x, _: bool(_guardrails(d, "guardrail_type") & {*x}),
    "custom_guardrail_names": lambda d, x, _: bool(_guardrails(d, "guardrail_name") & {*x}),
    "tool_names": _results("tool_name", "successful", "errored"),
    "tool_names_successful": _results("tool_name", "successful"),
    "tool_names_errored": _results("tool_name", "errored"),
    "tool_ids": _results("tool_id", "successful", "errored"),
    "tool_ids_successful": _results("tool_id", "successful"),
    "tool_ids_errored": _results("tool_id", "errored"),
    "evaluations": lambda d, x, _: all(
        d["analysis"]["evaluation_criteria_results"].get(name) == {"result": result}
        for name, result in x
    ),
    "data_collection": lambda d, x, _: all(_compares(_data(d), one) for one in x),
    "dynamic_variables": lambda d, x, _: all(
        _compares(d["conversation_initiation_client_data"]["dynamic_variables"], one) for one in x
    ),
    "search": lambda d, x, _: _searched(d, x),
}


@pytest.mark.parametrize(
    ("how", "values", "expected"),
    [
        ("eq", ("",), ["none", "empty", "other"]),
        ("neq", ("",), ["x", "y", "more"]),
        ("neq", ("x",), ["none", "empty", "other", "y", "more"]),
        ("in", ("x", "y"), ["x", "y"]),
    ],
)
@pytest.mark.parametrize("limit", ["COUNTED", "MOST_SETS", "neither"])
async def test_what_is_absent_is_found_whichever_way_is_taken(
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    limit: str,
    how: Operator,
    values: tuple[str, ...],
    expected: list[str],
) -> None:
    if limit != "neither":
        monkeypatch.setattr(filters, limit, 0)
    variables: dict[str, Document] = {
        "none": {},
        "empty": {"plan": ""},
        "other": {"plan\nvariable:city": "x"},
        "x": {"plan": "x"},
        "y": {"plan": "y"},
        "more": {"plan": "z", "city": "Rome"},
    }
    async with store.writing() as tx:
        for number, (name, variables_) in enumerate(variables.items()):
            document = make(number, random.Random(1)) | {  # noqa: S311
                "conversation_id": name,
                "conversation_initiation_client_data": {"dynamic_variables": variables_},
            }
            await tx.conversations.begin(document)
    asked = ConversationQuery(dynamic_variables=(Comparison("plan", how, values),))
    async with store.reading() as tx:
        page = await tx.conversations.list(asked)
    assert sorted(row.head["conversation_id"] for row in page.items) == sorted(expected)


@pytest.mark.parametrize("how", get_args(Operator))
def test_a_comparison_that_cannot_be_made_is_refused(how: Operator) -> None:
    if how != "in":
        for values in [(), ("1", "2")]:
            with pytest.raises(ValueError, match="compares with one value"):
                Comparison("a", how, values)
    if how in NUMERIC:
        with pytest.raises(ValueError, match="could not convert"):
            Comparison("a", how, ("word",))


async def test_what_changes_is_found_anew(store: Store) -> None:
    document: Document = {
        "conversation_id": "conv_1",
        "agent_id": "agent_1",
        "status": "in-progress",
        "tag_ids": ["old", "kept"],
        "metadata": {"start_time_unix_secs": 1, "call_duration_secs": 0},
        "transcript": [{"message": "first"}],
    }

    async def found(**asked: Any) -> int:  # noqa: ANN401
        async with store.reading() as tx:
            return len((await tx.conversations.list(ConversationQuery(**asked))).items)

    async with store.writing() as tx:
        await tx.conversations.begin(document)
    assert [await found(tag_ids=(tag,)) for tag in ("old", "kept", "new")] == [1, 1, 0]
    assert await found(search="first") == 0
    document |= {"tag_ids": ["kept", "new"], "status": "done", "transcript": [{"message": "2nd"}]}
    document["metadata"] |= {"call_duration_secs": 60, "start_time_unix_secs": 5}
    async with store.writing() as tx:
        assert await tx.conversations.finish(document)
    assert [await found(tag_ids=(tag,)) for tag in ("old", "kept", "new")] == [0, 1, 1]
    assert [await found(search=word) for word in ("first", "2nd")] == [0, 1]
    assert [await found(duration_min_secs=60), await found(duration_max_secs=59)] == [1, 0]
    assert await found(tag_ids=("kept", "new"), started_after=4, agent_id="agent_1") == 1
    document |= {"transcript": [{"message": "third 2nd"}]}
    async with store.writing() as tx:
        assert await tx.conversations.save(document)  # what analysis adds is saved after the end
    assert [await found(search=word) for word in ("first", "2nd", "third")] == [0, 1, 1]


@pytest.mark.parametrize(
    ("search", "expected"),
    [("red", 2), ("re", 2), ("r", 0), ("RED SUN", 1), ("sun redder", 0), ("京", 1), ("größ", 1)],
)
async def test_the_beginning_of_a_word_is_enough(store: Store, search: str, expected: int) -> None:
    async with store.writing() as tx:
        for number, said in enumerate(["Red sun.", "REDDER moon", "blue", "Größe 東京"]):
            document = {
                "conversation_id": f"conv_{number}",
                "agent_id": "agent_1",
                "status": "done",
                "metadata": {"start_time_unix_secs": number, "call_duration_secs": 0},
                "transcript": [{"message": said}],
            }
            await tx.conversations.begin(document)
        page = await tx.conversations.list(ConversationQuery(search=search))
    assert len(page.items) == expected


async def test_a_deleted_conversation_leaves_nothing_behind(sql_store: SqlStore) -> None:
    document: Document = {
        "conversation_id": "conv_1",
        "agent_id": "agent_1",
        "status": "done",
        "metadata": {"start_time_unix_secs": 1, "call_duration_secs": 0},
        "transcript": [{"message": "secret"}],
    }
    async with sql_store.writing() as tx:
        await tx.conversations.begin(document)
        assert await tx.conversations.delete("conv_1")
        assert not (await tx.conversations.list(ConversationQuery(search="secret"))).items
    async with sql_store._engine.connect() as connection:
        for table in (FACETS, TEXTS):
            assert (await connection.execute(table.select())).all() == []


async def test_a_row_names_the_tools_that_ran(store: Store) -> None:
    document: Document = {
        "conversation_id": "conv_1",
        "agent_id": "agent_1",
        "status": "done",
        "metadata": {"start_time_unix_secs": 1, "call_duration_secs": 0},
        "transcript": [turn(2, failed=True, ran=True), turn(1, failed=False, ran=True)],
    }
    async with store.writing() as tx:
        await tx.conversations.begin(document)
        (row,) = (await tx.conversations.list(ConversationQuery())).items
    assert row.tool_names == ("tool2", "tool1")


async def test_a_cursor_that_was_made_up_is_refused(store: Store) -> None:
    async with store.reading() as tx:
        for made_up in [
            "WyJjb252ZXJzYXRpb25zIGRvd24iLDEsIjEiXQ",
            "WyJjb252ZXJzYXRpb25zIGRvd24iLCIxIiwxXQ",
        ]:
            with pytest.raises(CursorRejected):
                await tx.conversations.list(ConversationQuery(cursor=made_up))
