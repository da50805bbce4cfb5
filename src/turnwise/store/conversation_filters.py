"""Narrowing the list of conversations, in SQL.

A filter can find its conversations by itself, through an index, or be asked about one. The fewest
rows are touched if the filter that finds the fewest begins and the others are asked about what it
found. Which one that is cannot be told from the query, so they are counted first, up to a limit.

Words that many said are slow to find in SQLite, and quick to look for in one conversation: there
the first ones in order are looked through before all are found.
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
from turnwise.store.hot import LARGEST
from turnwise.store.tables import CONVERSATIONS, TEXTS, WORDS

COUNTED = 5_000
"""Up to how many conversations of a filter are counted; more are common."""
NEAR = 1_000
"""How many conversations are looked through before all that said a word are found."""
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
    one_by_one: bool = False
    """Whether few conversations are asked about: then the words of each are better read."""
    begins: bool = True
    in_order: bool = False

    @property
    def by_table(self) -> bool:
        """Whether a conversation is looked up among all that the table of words finds."""
        return self.dialect == "sqlite" and not self.one_by_one

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
        if self.by_table:
            # a sum, so that it keeps the order of their start
            return (number + 0).in_(select(WORDS.c.rowid).where(self._match()))
        match = self._read() if self.one_by_one else (self._match(),)
        return one_by_one(select(literal(1)).where(TEXTS.c.number == number, *match))

    def _read(self) -> Iterator[ColumnElement[bool]]:
        text = literal(" ").concat(TEXTS.c.words).concat(" ")
        for word in self.words:
            yield func.instr(text, f" {word}" if _begins(word) else f" {word} ") > 0

    def _match(self) -> ColumnElement[bool]:
        # a word is of letters and digits: nothing is to be escaped
        if self.dialect == "sqlite":
            asked = " ".join(f'"{word}"{"*" * _begins(word)}' for word in self.words)
            return WORDS.c.conversation_words.op("MATCH", is_comparison=True)(asked)
        asked = " & ".join(f"'{word}'{':*' * _begins(word)}" for word in self.words)
        return TEXTS.c.words.op("@@", is_comparison=True)(cast(asked, TSQUERY))


def _begins(word: str) -> bool:
    return len(word) > 1  # what begins with one letter is too much


@dataclass(frozen=True, slots=True)
class Narrowed:
    """How the conversations that are asked for are found."""

    begun: Select[Any]
    """For `number` and `started_at` of those among which they are."""
    filters: tuple[Filter, ...]
    """What must hold of them besides."""

    def all(self) -> Select[Any]:
        """Return a query for `number` and `started_at` of all that are asked for."""
        number, _ = self.begun.selected_columns
        return self.begun.where(*(one.holds(number) for one in self.filters))

    def among_first(self, ordered: Select[Any], *, descending: bool) -> Select[Any] | None:
        """Return a query for those that are asked for among the first ones.

        Args:
            ordered: The query `begun`, in order, and from where the page begins.
            descending: Whether the newest come first.

        Returns:
            A query for `number` and `started_at`; None: it would be no quicker than all.
        """
        quicker = _read_one_by_one(self.filters)
        if quicker == self.filters:
            return None
        number, started_at = ordered.selected_columns
        # up to a start, and not a number of them: so their order is still the index's
        last = ordered.with_only_columns(started_at).offset(NEAR).limit(1).scalar_subquery()
        if descending:
            near = started_at >= func.coalesce(last, -LARGEST)
        else:
            near = started_at <= func.coalesce(last, LARGEST)
        return ordered.where(near, *(one.holds(number) for one in quicker))


async def narrowed(connection: Connection, query: ConversationQuery) -> Narrowed:
    """Return how the conversations that are asked for are found."""
    filters = [await _known(connection, one) for one in filters_of(query, connection.dialect.name)]
    first, few = await _first(connection, [one for one in filters if one.begins], query)
    if first is None:
        begun = select(CONVERSATIONS.c.number, CONVERSATIONS.c.started_at)
    else:
        filters.remove(first)
        begun = first.found() if first.in_order else first.found().distinct()
    _, started_at = begun.selected_columns
    others = _read_one_by_one(filters) if few else tuple(filters)
    return Narrowed(begun.where(*within(started_at, query)), others)


def _read_one_by_one(filters: Sequence[Filter]) -> tuple[Filter, ...]:
    return tuple(
        replace(one, one_by_one=True) if isinstance(one, WordFilter) and one.by_table else one
        for one in filters
    )


async def _known(connection: Connection, one: Filter) -> Filter:
    """Return a filter that knows what it must to begin with it."""
    if not isinstance(one, AbsentFilter):
        return one
    sets = (await connection.execute(one.lacking().limit(MOST_SETS + 1))).scalars().all()
    return one if len(sets) > MOST_SETS else replace(one, sets=tuple(sets))


async def _first(
    connection: Connection, filters: Sequence[Filter], query: ConversationQuery
) -> tuple[Filter | None, bool]:
    """Return the filter to begin with, and whether it is known to find less than `NEAR`.

    None: none, all are common and none finds in order.
    """
    if len(filters) <= 1 and all(one.in_order for one in filters):
        return (filters[0] if filters else None), False
    if all(one.in_order for one in filters):
        reaches = await _reaches(connection, filters, query)
        if None not in reaches:  # the one whose first ones reach the farthest is the rarest
            farthest = min if query.descending else max
            return filters[reaches.index(farthest(reaches))], False
        filters = [one for one, reach in zip(filters, reaches, strict=True) if reach is None]
    some = (one.counted(query).limit(COUNTED).subquery() for one in filters)
    counts = (select(func.count()).select_from(found).scalar_subquery() for found in some)
    counted = (await connection.execute(select(*counts))).one()
    count, _, index = min(
        (count, not one.in_order, index)
        for index, (count, one) in enumerate(zip(counted, filters, strict=True))
    )
    begins = count < COUNTED or filters[index].in_order
    return (filters[index] if begins else None), count < min(NEAR, COUNTED)


async def _reaches(
    connection: Connection, filters: Sequence[Filter], query: ConversationQuery
) -> Sequence[Any]:
    """Return the start up to which the first ones of each filter are; None: there are few."""
    found = []
    for one in filters:
        places = one.counted(query)
        started_at = places.selected_columns.started_at
        order = started_at.desc() if query.descending else started_at
        last = places.with_only_columns(started_at).order_by(order).offset(NEAR - 1).limit(1)
        found.append(last.scalar_subquery())
    return (await connection.execute(select(*found))).one()


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
