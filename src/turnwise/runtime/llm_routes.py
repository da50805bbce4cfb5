"""Which language model answers for the one that an agent names: a table, read once. No I/O.

Agents name models of the hosted service, this server has its own: each row of the table says which
names it answers for, and who does. The first row that fits a name wins; a name that fits none goes
to the engine in use, and so do all where there is no table.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from turnwise.base.errors import ConfigError

CUSTOM = "custom-llm"
"""The name that stands for the agent's own model."""

DEMO = "offline"
"""The provider that nobody is passed on to: it answers, but knows nothing."""

_KEYS = ("match", "provider", "model", "api_key_env")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Route:
    """One row."""

    match: str
    """Names it answers for, where `*` stands for any letters and `?` for one."""
    provider: str
    """The second half of the provider's name in the registry."""
    model: str | None = None
    """The model's own name; empty: the provider's default; None: the name that the agent uses."""
    options: Mapping[str, object] = field(default_factory=dict, repr=False)
    """What the provider is made with."""

    def fits(self, llm: str) -> bool:
        """Return whether it answers for a name."""
        return fnmatchcase(llm.casefold(), self.match.casefold())


@dataclass(frozen=True, slots=True)
class Target:
    """A model at its provider."""

    route: Route
    asked_for: str
    """Its own name; empty: the provider's default."""

    @property
    def name(self) -> str:
        """What the record calls it."""
        return self.asked_for or f"turnwise-{self.route.provider}"


class Routes:
    """The table."""

    def __init__(self, rows: Sequence[Route], default: Route) -> None:
        """Put a table together.

        Args:
            rows: From top to bottom.
            default: The engine in use, for all other names.
        """
        self.rows = (*rows, default)
        """All rows; the last one fits every name."""

    def pick(self, llm: str) -> Target:
        """Return who answers for a name."""
        route = next((row for row in self.rows if row.fits(llm)), self.rows[-1])
        return Target(route, llm if route.model is None else route.model)

    def cascade(self, llm: str, backups: Sequence[str] | None) -> tuple[Target, ...]:
        """Return who answers for a name, and who is asked when that one fails, in order.

        Args:
            llm: As the agent names it.
            backups: As the agent names them; None: the rows that name a model, from top to bottom.
        """
        if backups is None:
            named = ((row, row.model) for row in self.rows if row.provider != DEMO)
            others = [Target(row, model) for row, model in named if model is not None]
        else:
            others = [self.pick(backup) for backup in backups if backup != CUSTOM]
        return (self.pick(llm), *others)


def read_routes(rows: Sequence[Mapping[str, object]], environ: Mapping[str, str]) -> list[Route]:
    """Return the rows of a table that a person wrote.

    Args:
        rows: Each with `match` and `provider`, and it may have `model`, `api_key_env` (the variable
            that holds the key), and options of the provider.
        environ: The process's environment.

    Raises:
        ConfigError: If a row is none; names it by its number, from 1.
    """
    return [_read(f"llm_routes, row {n}", row, environ) for n, row in enumerate(rows, 1)]


def _read(where: str, row: Mapping[str, object], environ: Mapping[str, str]) -> Route:
    texts: dict[str, str] = {}
    for key in _KEYS:
        value = row.get(key, "")
        if not isinstance(value, str):
            raise ConfigError(f"{where}: {key} is {value!r}; it should be a text")
        texts[key] = value.strip()
    for key in ("match", "provider"):
        if not texts[key]:
            raise ConfigError(f"{where}: {key} is missing; it should be {_WANTED[key]}")
    options = {key: value for key, value in row.items() if key not in _KEYS}
    if variable := texts["api_key_env"]:
        if "api_key" in options:
            raise ConfigError(f"{where}: api_key and api_key_env are both there; leave one out")
        if not environ.get(variable):
            raise ConfigError(f"{where}: api_key_env names {variable}, and no such variable is set")
        options["api_key"] = environ[variable]
    if texts["match"].casefold() == CUSTOM:
        raise ConfigError(f"{where}: match is {CUSTOM!r}; that is each agent's own model")
    return Route(
        match=texts["match"],
        provider=texts["provider"],
        model=texts["model"] or None,
        options=options,
    )


_WANTED = {
    "match": "names of models, such as gpt-* or *",
    "provider": "openai, anthropic, google or another language model of the registry",
}
