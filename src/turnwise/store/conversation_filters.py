"""Narrowing the list of conversations, in SQL.

A filter can find its conversations by itself, through an index, or be asked about one. The fewest
rows are touched if the filter that finds the fewest begins and the others are asked about what it
found. Which one that is cannot be told from the query, so they are counted first, up to a limit.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Select, cast, func, literal, select
from sqlalchemy.dialects.postgresql import TSQUERY

from turnwise.store.connections import Connection
from turnwise.store.conversation_ports import Comparison, ConversationQuery
from turnwise.store.facet_filters import COMPARE, AbsentFilter, FacetFilter, one_by_one, within
from turnwise.store.facets import (
    DATA,
    INVALID,
    RATINGS,
    STATUSES,
    VARIABLE,
    evaluation,
    plain,
    shortened,
    words_of,
)
from turnwise.store.tables import CONVERSATIONS, TEXTS, WORDS

COUNTED = 5_000
"""Up to how many conversations of a filter are counted; more are common."""
MOST_SETS = 500
"""How many sets of names a filter may begin with."""


class Filter(Protocol):
    """One thing that must hold of a conversation."""

    @property
    def begins(self) -> bool:
        """Whether it can find conversations by itself."""

    @property
    def in_order(self) -> bool:
        """Whether it finds each once, and in the order of their start."""

    def found(self) -> Select[Any]:
        """Return a query for `number` and `started_at` of those it finds."""

    def counted(self, query: ConversationQuery) -> Select[Any]:
        """Return a query with a row for each of those it finds, in or near the asked time."""

    def holds(self, number: ColumnElement[int]) -> ColumnElement[bool]:
        """Return whether it holds of the conversation of this number."""


@dataclass(frozen=True, slots=True)
class WordFilter:
    """Words were said in a conversation, or began so."""

    words: tuple[str, ...]
    dialect: str
    begins: bool = True
    in_order: bool = False

    def found(self) -> Select[Any]:
        """Return a query for `number` and `started_at` of those it finds."""
        found = select(TEXTS.c.number, TEXTS.c.started_at)
        if self.dialect == "sqlite":
            found = found.join(WORDS, WORDS.c.rowid == TEXTS.c.number)
        return found.where(self._match())

    def counted(self, query: ConversationQuery) -> Select[Any]:
        """Return a query with a row for each of those it finds, in or near the asked time."""
        if self.dialect == "sqlite":  # whose words do not know when they were said
            return select(WORDS.c.rowid).where(self._match())
        return self.found().where(*within(TEXTS.c.started_at, query))

    def holds(self, number: ColumnElement[int]) -> ColumnElement[bool]:
        """Return whether it holds of the conversation of this number."""
        if self.dialect == "sqlite":  # which is slow to look for one of them in a list of many
            # a sum, so that it keeps the order of their start
            return (number + 0).in_(select(WORDS.c.rowid).where(self._match()))
        return one_by_one(select(literal(1)).where(TEXTS.c.number == number, self._match()))

    def _match(self) -> ColumnElement[bool]:
        # a word is of letters and digits: nothing is to be escaped
        if self.dialect == "sqlite":
            asked = " ".join(f'"{word}"{"*" * _begins(word)}' for word in self.words)
            return WORDS.c.conversation_words.op("MATCH", is_comparison=True)(asked)
        asked = " & ".join(f"'{word}'{':*' * _begins(word)}" for word in self.words)
        return TEXTS.c.words.op("@@", is_comparison=True)(cast(asked, TSQUERY))


def _begins(word: str) -> bool:
    return len(word) > 1  # what begins with one letter is too much


async def narrowed(connection: Connection, query: ConversationQuery) -> Select[Any]:
    """Return a query for `number` and `started_at` of the conversations that are asked for."""
    filters = [await _known(connection, one) for one in filters_of(query, connection.dialect.name)]
    first = await _first(connection, [one for one in filters if one.begins], query)
    if first is None:
        found = select(CONVERSATIONS.c.number, CONVERSATIONS.c.started_at)
    else:
        filters.remove(first)
        found = first.found() if first.in_order else first.found().distinct()
    number, started_at = found.selected_columns
    return found.where(*within(started_at, query), *(one.holds(number) for one in filters))


async def _known(connection: Connection, one: Filter) -> Filter:
    """Return a filter that knows what it must to begin with it."""
    if not isinstance(one, AbsentFilter):
        return one
    sets = (await connection.execute(one.lacking().limit(MOST_SETS + 1))).scalars().all()
    return one if len(sets) > MOST_SETS else replace(one, sets=tuple(sets))


async def _first(
    connection: Connection, filters: Sequence[Filter], query: ConversationQuery
) -> Filter | None:
    """Return the filter to begin with; None: none, all are common and none finds in order."""
    if len(filters) <= 1 and all(one.in_order for one in filters):
        return filters[0] if filters else None
    some = (one.counted(query).limit(COUNTED).subquery() for one in filters)
    counts = (select(func.count()).select_from(found).scalar_subquery() for found in some)
    counted = (await connection.execute(select(*counts))).one()
    count, _, index = min(
        (count, not one.in_order, index)
        for index, (count, one) in enumerate(zip(counted, filters, strict=True))
    )
    return filters[index] if count < COUNTED or filters[index].in_order else None


def filters_of(query: ConversationQuery, dialect: str) -> Iterator[Filter]:
    """Return what must hold of each conversation that a query asks for."""
    yield from _single(query)
    yield from _several(query)
    yield from _of_tools(query)
    yield from _of_amounts(query)
    yield from (
        FacetFilter(names=("evaluation",), values=(shortened(evaluation(name, result)),))
        for name, result in query.evaluations
    )
    yield from (_compared(DATA, one) for one in query.data_collection)
    yield from (_compared(VARIABLE, one) for one in query.dynamic_variables)
    if query.search:
        words = words_of(query.search)
        yield WordFilter(words, dialect) if words else FacetFilter(names=(), values=())


def _single(query: ConversationQuery) -> Iterator[Filter]:
    asked: dict[str, str | bool | None] = {
        "agent": query.agent_id,
        "user_id": query.user_id,
        "branch_id": query.branch_id,
        "version_id": query.version_id,
        "parent": query.parent_conversation_id,
        "comment": query.has_feedback_comment,
        "text_only": query.text_only,
        "success": query.call_successful,
        "source": query.conversation_initiation_source,
        "product": query.product,
        "node": query.workflow_node_entered_id,
    }
    for name, value in asked.items():
        if value is not None:
            yield FacetFilter(names=(name,), values=(shortened(plain(value)),))


def _several(query: ConversationQuery) -> Iterator[Filter]:
    asked = {
        "language": query.main_languages,
        "termination_reason": query.termination_reasons,
        "phone_number": query.phone_number_ids,
        "whatsapp_number": query.whatsapp_phone_number_ids,
        "tag": query.tag_ids,
        "topic": query.topic_ids,
        "visited_agent": query.visited_agent_ids,
        "visited_branch": query.visited_agent_branch_ids,
        "procedure": query.triggered_procedure_ids,
        "guardrail": query.guardrail_types,
        "guardrail_name": query.custom_guardrail_names,
    }
    for name, values in asked.items():
        if values:
            yield FacetFilter(names=(name,), values=_short(values))
    if query.exclude_statuses:
        left = tuple(status for status in STATUSES if status not in query.exclude_statuses)
        yield FacetFilter(names=("status",), values=left)


def _of_tools(query: ConversationQuery) -> Iterator[Filter]:
    asked = {
        "tool_name": query.tool_names,
        "tool_name_successful": query.tool_names_successful,
        "tool_name_errored": query.tool_names_errored,
        "tool_id": query.tool_ids,
        "tool_id_successful": query.tool_ids_successful,
        "tool_id_errored": query.tool_ids_errored,
    }
    for name, values in asked.items():
        if values:
            names = (name, name + INVALID) if query.include_invalid_tool_calls else (name,)
            yield FacetFilter(names=names, values=_short(values))


def _of_amounts(query: ConversationQuery) -> Iterator[Filter]:
    asked = (("gte", query.duration_min_secs), ("lte", query.duration_max_secs))
    bounds = tuple((name, float(secs)) for name, secs in asked if secs is not None)
    if bounds:
        yield FacetFilter(names=("duration",), bounds=bounds)
    if query.rating_min is not None or query.rating_max is not None:
        least = 1 if query.rating_min is None else query.rating_min
        most = 5 if query.rating_max is None else query.rating_max
        values = tuple(rating for rating in RATINGS if least <= int(rating) <= most)
        yield FacetFilter(names=("rating",), values=values)


def _compared(kind: str, asked: Comparison) -> Filter:
    names, values = (shortened(kind + asked.name),), _short(asked.values)
    if asked.operator in COMPARE:
        return FacetFilter(names=names, bounds=((asked.operator, float(asked.values[0])),))
    unlike = asked.operator == "neq"
    if values == ("",):  # equal to what is empty is who has none
        return FacetFilter(names=names) if unlike else AbsentFilter(kind=kind, name=names[0])
    if unlike:
        return AbsentFilter(kind=kind, name=names[0], values=values)
    return FacetFilter(names=names, values=values)


def _short(values: Sequence[str]) -> tuple[str, ...]:
    return tuple(shortened(value) for value in values)
