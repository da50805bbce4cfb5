"""Narrowing the list of conversations, in SQL.

A filter can find its conversations by itself, through an index, or be asked about one. The fewest
rows are touched if the filter that finds the fewest begins and the others are asked about what it
found. Which one that is cannot be told from the query, so they are counted first, up to a limit.
"""

import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Select, cast, func, literal, not_, select
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.ext.asyncio import AsyncConnection

from turnwise.store.conversation_ports import Comparison, ConversationQuery
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
from turnwise.store.tables import CONVERSATIONS, FACETS, TEXTS, WORDS

COUNTED = 5_000
"""Up to how many conversations of a filter are counted; more are common."""

_COMPARE = {"gt": operator.gt, "gte": operator.ge, "lt": operator.lt, "lte": operator.le}


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


@dataclass(frozen=True, slots=True, kw_only=True)
class FacetFilter:
    """A conversation has a facet."""

    names: tuple[str, ...]
    """Any of these."""
    values: tuple[str, ...] | None = None
    """Any of these; None: whichever."""
    bounds: tuple[tuple[str, float], ...] = ()
    """Pairs of an operator and a number: what holds of the value."""
    absent: bool = False
    """Whether it must not have it."""

    @property
    def begins(self) -> bool:
        """Whether it can find conversations by itself."""
        return not self.absent

    @property
    def in_order(self) -> bool:
        """Whether it finds each once, and in the order of their start."""
        return self.begins and len(self.names) == 1 and len(self.values or ()) == 1

    def found(self) -> Select[Any]:
        """Return a query for `number` and `started_at` of those it finds."""
        asked = (*self._named(FACETS.c), *self._bounded(FACETS.c.amount))
        return select(FACETS.c.number, FACETS.c.started_at).where(*asked)

    def counted(self, query: ConversationQuery) -> Select[Any]:
        """Return a query with a row for each of those it finds, in or near the asked time."""
        return self.found().where(*_within(FACETS.c.started_at, query))

    def holds(self, number: ColumnElement[int]) -> ColumnElement[bool]:
        """Return whether it holds of the conversation of this number."""
        one = FACETS.alias()
        # a sum, so that SQLite does not search all conversations by the amount
        asked = (*self._named(one.c), *self._bounded(one.c.amount + 0))
        found = select(literal(1)).where(one.c.number == number, *asked)
        return not_(found.exists()) if self.absent else one_by_one(found)

    def _named(self, facets: Any) -> Iterator[ColumnElement[bool]]:  # noqa: ANN401  # of any alias
        yield _any_of(facets.facet, self.names)
        if self.values is not None:
            yield _any_of(facets.value, self.values)

    def _bounded(self, amount: ColumnElement[float]) -> Iterator[ColumnElement[bool]]:
        return (_COMPARE[name](amount, number) for name, number in self.bounds)


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
        return self.found().where(*_within(TEXTS.c.started_at, query))

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


def one_by_one(found: Select[Any]) -> ColumnElement[bool]:
    """Return whether something is found, asked about each row until there are enough of them.

    Without the offset PostgreSQL would rather find all and join them, which takes as long as there
    are many.
    """
    return found.offset(0).exists()


async def narrowed(connection: AsyncConnection, query: ConversationQuery) -> Select[Any]:
    """Return a query for `number` and `started_at` of the conversations that are asked for."""
    filters = list(filters_of(query, connection.dialect.name))
    first = await _first(connection, [one for one in filters if one.begins], query)
    if first is None:
        found = select(CONVERSATIONS.c.number, CONVERSATIONS.c.started_at)
    else:
        filters.remove(first)
        found = first.found() if first.in_order else first.found().distinct()
    number, started_at = found.selected_columns
    return found.where(*_within(started_at, query), *(one.holds(number) for one in filters))


async def _first(
    connection: AsyncConnection, filters: Sequence[Filter], query: ConversationQuery
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


def _within(
    started_at: ColumnElement[int], query: ConversationQuery
) -> Iterator[ColumnElement[bool]]:
    if query.started_before is not None:
        yield started_at < query.started_before
    if query.started_after is not None:
        yield started_at > query.started_after


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
    if asked.operator in _COMPARE:
        return FacetFilter(names=names, bounds=((asked.operator, float(asked.values[0])),))
    absent = asked.operator == "neq"
    if values == ("",):  # equal to what is empty is who has none
        return FacetFilter(names=names, absent=not absent)
    return FacetFilter(names=names, values=values, absent=absent)


def _any_of(column: ColumnElement[str], values: Sequence[str]) -> ColumnElement[bool]:
    return column == values[0] if len(values) == 1 else column.in_(values)


def _short(values: Sequence[str]) -> tuple[str, ...]:
    return tuple(shortened(value) for value in values)
