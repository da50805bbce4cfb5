"""Filters by facets: what a conversation has, and what it lacks."""

import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Select, func, literal, not_, select, union_all

from turnwise.store.conversation_ports import ConversationQuery
from turnwise.store.facets import NAMES
from turnwise.store.tables import FACETS

COMPARE = {"gt": operator.gt, "gte": operator.ge, "lt": operator.lt, "lte": operator.le}

_F = FACETS.c


def within(
    started_at: ColumnElement[int], query: ConversationQuery
) -> Iterator[ColumnElement[bool]]:
    """Yield what must hold of a start for it to be in the asked time."""
    if query.started_before is not None:
        yield started_at < query.started_before
    if query.started_after is not None:
        yield started_at > query.started_after


def one_by_one(found: Select[Any]) -> ColumnElement[bool]:
    """Return whether something is found, asked about each row until there are enough of them.

    Without the offset PostgreSQL would rather find all and join them, which takes as long as there
    are many.
    """
    return found.offset(0).exists()


@dataclass(frozen=True, slots=True, kw_only=True)
class FacetFilter:
    """A conversation has a facet."""

    names: tuple[str, ...]
    """Any of these."""
    values: tuple[str, ...] | None = None
    """Any of these; None: whichever."""
    bounds: tuple[tuple[str, float], ...] = ()
    """Pairs of an operator and a number: what holds of the value."""
    begins: bool = True

    @property
    def in_order(self) -> bool:
        """Whether it finds each once, and in the order of their start."""
        return len(self.names) == 1 and len(self.values or ()) == 1

    def found(self) -> Select[Any]:
        """Return a query for `number` and `started_at` of those it finds."""
        asked = (*self._named(FACETS.c), *self._bounded(FACETS.c.amount))
        return select(FACETS.c.number, FACETS.c.started_at).where(*asked)

    def counted(self, query: ConversationQuery) -> Select[Any]:
        """Return a query with a row for each of those it finds, in or near the asked time."""
        return self.found().where(*within(FACETS.c.started_at, query))

    def holds(self, number: ColumnElement[int]) -> ColumnElement[bool]:
        """Return whether it holds of the conversation of this number."""
        one = FACETS.alias()
        # a sum, so that SQLite does not search all conversations by the amount
        asked = (*self._named(one.c), *self._bounded(one.c.amount + 0))
        found = select(literal(1)).where(one.c.number == number, *asked)
        return one_by_one(found)

    def _named(self, facets: Any) -> Iterator[ColumnElement[bool]]:  # noqa: ANN401  # of any alias
        yield any_of(facets.facet, self.names)
        if self.values is not None:
            yield any_of(facets.value, self.values)

    def _bounded(self, amount: ColumnElement[float]) -> Iterator[ColumnElement[bool]]:
        return (COMPARE[name](amount, number) for name, number in self.bounds)


@dataclass(frozen=True, slots=True, kw_only=True)
class AbsentFilter:
    """A conversation lacks a collected value or a dynamic variable, or has another one.

    What is absent is in no index. But a conversation says which names it has by a facet of its
    own, and few sets of names are in use: which of them lack this name is found first.
    """

    kind: str
    """`DATA` or `VARIABLE`."""
    name: str
    """Of the facet."""
    values: tuple[str, ...] | None = None
    """Not these; None: none at all."""
    sets: tuple[str, ...] | None = None
    """The sets of names that lack this one, as facets know them; None: not known."""
    in_order: bool = False

    @property
    def begins(self) -> bool:
        """Whether it can find conversations by itself."""
        return self.sets is not None

    def found(self) -> Select[Any]:
        """Return a query for `number` and `started_at` of those it finds."""
        places = select(_F.number, _F.started_at)
        lacking = places.where(_F.facet == NAMES[self.kind], _F.value.in_(self.sets or ()))
        if self.values is None:
            return lacking
        others = places.where(_F.facet == self.name, _F.value.not_in(self.values))
        both = union_all(lacking, others).subquery()
        return select(both.c.number, both.c.started_at)

    def counted(self, query: ConversationQuery) -> Select[Any]:
        """Return a query with a row for each of those it finds, in or near the asked time."""
        found = self.found()
        return found.where(*within(found.selected_columns.started_at, query))

    def holds(self, number: ColumnElement[int]) -> ColumnElement[bool]:
        """Return whether it holds of the conversation of this number."""
        one = FACETS.alias().c
        asked = [] if self.values is None else [any_of(one.value, self.values)]
        has = select(literal(1)).where(one.number == number, one.facet == self.name, *asked)
        return not_(has.exists())

    def lacking(self) -> Select[Any]:
        """Return a query for the sets of names that lack this one.

        Each set is found behind the one before, and asked about by one conversation that has it.
        """
        kind = _F.facet == NAMES[self.kind]
        sets = select(func.min(_F.value).label("value")).where(kind).cte("sets", recursive=True)
        behind = select(func.min(_F.value)).where(kind, _F.value > sets.c.value).scalar_subquery()
        sets = sets.union_all(select(behind).where(sets.c.value.is_not(None)))
        with_it = FACETS.alias().c
        one = select(with_it.number).where(
            with_it.facet == NAMES[self.kind], with_it.value == sets.c.value
        )
        number = one.limit(1).correlate(sets).scalar_subquery()
        lacks = replace(self, values=None).holds(number)
        return select(sets.c.value).where(sets.c.value.is_not(None), lacks)


def any_of(column: ColumnElement[str], values: Sequence[str]) -> ColumnElement[bool]:
    """Return whether a column has one of these values."""
    return column == values[0] if len(values) == 1 else column.in_(values)
