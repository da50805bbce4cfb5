"""What the operator may choose: one table, read once, from four places.

The first place that has a say wins: a flag of the command line, a variable `TURNWISE_*`, a line of
`turnwise.toml`, the default of the table. Parts of the result are passed on, never the whole.
"""

import json
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, get_type_hints

from platformdirs import user_data_path

from turnwise.base.errors import ConfigError

PREFIX = "TURNWISE_"

Options = Mapping[str, object]
"""Options of an engine by name."""

Rows = Sequence[Mapping[str, object]]
"""A table: each row with its values by column."""

Check = Callable[[Any], str | None]
"""What would be right, if the value is not; else None."""


def _setting(
    default: object = MISSING,
    sentence: str = "",
    *,
    check: Check | None = None,
    secret: bool = False,
    factory: Callable[[], object] | None = None,
) -> Any:  # noqa: ANN401  # stands where a value of the field's own type stands
    """Describe one row of the table."""
    row = {"sentence": sentence, "check": check}
    if factory is not None:
        return field(default_factory=factory, repr=not secret, metadata=row)
    return field(default=default, repr=not secret, metadata=row)


def _between(low: int, high: int) -> Check:
    return lambda value: None if low <= value <= high else f"a whole number from {low} to {high}"


def _one_of(*names: str) -> Check:
    return lambda value: None if value in names else f"one of {', '.join(names)}"


def _url(*schemes: str) -> Check:
    def check(value: str) -> str | None:
        if not value:
            return None
        right = f"a URL that begins with {' or '.join(f'{scheme}://' for scheme in schemes)}"
        scheme, found, rest = value.partition("://")
        return None if found and rest and scheme in schemes else right

    return check


def _ipv4(value: str) -> str | None:
    try:
        IPv4Address(value or "0.0.0.0")  # noqa: S104 - nothing listens there
    except ValueError:
        return "an IPv4 address"
    return None


def _ports(value: str) -> str | None:
    first, _, last = (value or "1024-1024").partition("-")
    if first.isdecimal() and last.isdecimal() and 1024 <= int(first) <= int(last) <= 65_535:
        return None
    return "the first and the last port, as 50000-50100, from 1024 to 65535"


def _relays(value: str) -> str | None:
    schemes = {url.strip().partition(":")[0] for url in value.split(",")} if value else set()
    return None if schemes <= {"turn", "turns", "stun"} else "turn:HOST:PORT, turns:… or stun:…"


def _options(what: str) -> Any:  # noqa: ANN401  # as `_setting`
    sentence = f"Options of the {what}: a table of the file, or the text of a JSON object."
    return _setting(factory=dict, sentence=sentence, secret=True)  # a key may be among them


_DATABASES = ("sqlite", "sqlite+aiosqlite", "postgresql", "postgres", "postgresql+asyncpg")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings. An empty text means: nothing chosen."""

    # ruff: noqa: RUF009  # `_setting` makes a `field`, as the standard library's own function does
    host: str = _setting("127.0.0.1", "Address to listen on; 0.0.0.0 is every one of the machine.")
    port: int = _setting(
        8017, "Port to listen on; 0 takes any free one.", check=_between(0, 65_535)
    )
    data: Path = _setting(
        factory=lambda: user_data_path("turnwise", appauthor=False),
        sentence="Folder of the database, the recordings and the key files."
        " Without a choice: the platform's place for such data.",
    )
    api_key: str = _setting(
        "", "An API key that always works, besides those in the database.", secret=True
    )
    workers: int = _setting(1, "Processes that share the port.", check=_between(1, 256))
    dev: bool = _setting(default=False, sentence="For development: log everything, in detail.")
    allow_private_network: bool = _setting(
        default=False,
        sentence="Whether URLs that users configure may lead into the private network;"
        " for development they may.",
    )
    allowed_hosts: str = _setting(
        "",
        "Hosts that such URLs may lead to wherever they are, with commas between them;"
        " *.NAME is every host below NAME.",
    )
    outgoing_proxy: str = _setting(
        "",
        "Proxy that such URLs are called through, as http://HOST:PORT; empty: none.",
        check=_url("http", "https"),
        secret=True,
    )
    database_url: str = _setting(
        "",
        "Database, as sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME;"
        " empty: SQLite in the data folder.",
        check=_url(*_DATABASES),
        secret=True,
    )
    public_url: str = _setting(
        "",
        "How clients reach this server, where that differs from what they asked for.",
        check=_url("http", "https"),
    )
    widget_bundle_url: str = _setting(
        "",
        "Where /widget.js has pages load the published widget from; empty: the copy that"
        " `turnwise widget fetch` keeps, or else the public CDN.",
        check=_url("http", "https"),
    )
    npm_registry: str = _setting(
        "https://registry.npmjs.org",
        "Registry that `turnwise widget fetch` asks.",
        check=_url("http", "https"),
    )
    stt: str = _setting("", "Speech recognition engine; empty: the best one that is installed.")
    tts: str = _setting("", "Speech synthesis engine; empty: the best one that is installed.")
    llm: str = _setting("", "Language model engine; empty: the best one that is configured.")
    vad: str = _setting("", "Speech detector; empty: the best one that is installed.")
    stt_options: Options = _options("speech recognition engine")
    tts_options: Options = _options("speech synthesis engine")
    llm_options: Options = _options("language model engine")
    vad_options: Options = _options("speech detector")
    deepgram_api_key: str = _setting("", "Key of Deepgram.", secret=True)
    elevenlabs_api_key: str = _setting("", "Key of ElevenLabs.", secret=True)
    openai_api_key: str = _setting("", "Key of OpenAI, for its speech and models.", secret=True)
    anthropic_api_key: str = _setting("", "Key of Anthropic, for its models.", secret=True)
    google_api_key: str = _setting("", "Key of Google, for its Gemini models.", secret=True)
    llm_base_url: str = _setting(
        "",
        "Where an OpenAI-compatible language model answers; empty: the engine's own place.",
        check=_url("http", "https"),
    )
    llm_api_key: str = _setting("", "Key of the language model.", secret=True)
    llm_model: str = _setting("", "Name of the language model; empty: the engine's own choice.")
    llm_routes: Rows = _setting(
        factory=tuple,
        sentence="Which model answers for the one that an agent names: rows with match, provider,"
        " model, api_key_env and options of the provider; as a variable, a JSON array.",
        secret=True,  # a key may be among them
    )
    llm_hedging: bool = _setting(
        default=False,
        sentence="Whether a model that is slower than usual is asked a second time,"
        " and the first answer taken: faster at its worst, and some 5 % dearer.",
    )
    log_level: str = _setting(
        "info",
        "How much is logged: debug, info, warning or error.",
        check=_one_of("debug", "info", "warning", "error"),
    )
    requests_per_second: int = _setting(
        0, "Requests a second with one API key; 0: no limit.", check=_between(0, 1_000_000)
    )
    keyless_requests_per_second: int = _setting(
        20,
        "Requests a second without an API key from one address; 0: no limit.",
        check=_between(0, 1_000_000),
    )
    requests_at_once: int = _setting(
        200, "Requests answered at the same time; 0: no limit.", check=_between(0, 1_000_000)
    )
    most_calls: int = _setting(
        0,
        "Conversations at once, in all processes together; one more is refused. 0: as many as the"
        " processes find that they can carry.",
        check=_between(0, 16_384),
    )
    lag_limit_ms: int = _setting(
        50,
        "Lag of a process's event loop, in milliseconds, from which on it refuses new conversations"
        " for the sake of those that go on; 0: none.",
        check=_between(0, 60_000),
    )
    drain_s: int = _setting(
        10,
        "Seconds for which live conversations may go on when the server is told to stop;"
        " then they are ended.",
        check=_between(0, 86_400),
    )
    metrics: str = _setting(
        "local",
        "Who may read /metrics: local (clients on this machine, and everybody with an API key),"
        " key, open (everybody) or off.",
        check=_one_of("local", "key", "open", "off"),
    )
    check_answers: bool = _setting(
        default=False,
        sentence="Whether an answer that is not in the published shape is an error: for tests.",
    )
    enclave_agents: str = _setting(
        "apart",
        "Agents that clients bring along (enclave_setup_config): off, apart (held without what is"
        " stored here: tools, secrets, documents, other agents) or full (they may use all of it).",
        check=_one_of("off", "apart", "full"),
    )
    permissive_overrides: bool = _setting(
        default=False,
        sentence="Whether clients may override what the agent's settings do not let them.",
    )
    lead_ms: int = _setting(
        400,
        "Milliseconds by which speech may be sent ahead of its playing.",
        check=_between(100, 10_000),
    )
    max_frame_bytes: int = _setting(
        4_194_304,
        "Largest message that a client may send on the conversation socket, in bytes.",
        check=_between(65_536, 1_073_741_824),
    )
    message_rate_limit: int = _setting(
        200,
        "Messages a second that a client may keep sending on the conversation socket.",
        check=_between(1, 100_000),
    )

    webrtc_address: str = _setting(
        "",
        "IPv4 address under which the sound of calls over WebRTC reaches this machine,"
        " where a router passes it on; empty: the machine's own.",
        check=_ipv4,
    )
    webrtc_ports: str = _setting(
        "",
        "UDP ports for the sound of calls over WebRTC, as FIRST-LAST; empty: any."
        " A call takes two for each address of the machine.",
        check=_ports,
    )
    livekit_url: str = _setting(
        "",
        "LiveKit server in whose rooms calls over WebRTC are held, as wss://HOST;"
        " empty: in rooms of this server.",
        check=_url("ws", "wss", "http", "https"),
    )
    livekit_api_key: str = _setting("", "API key of the LiveKit server.")
    livekit_api_secret: str = _setting("", "Secret of that key.", secret=True)
    turn_urls: str = _setting(
        "",
        "Relays (TURN) for clients that cannot reach this machine directly, as turn:HOST:PORT,"
        " with commas between them.",
        check=_relays,
    )
    turn_username: str = _setting("", "User name at the relays.")
    turn_password: str = _setting("", "Password at the relays.", secret=True)
    turn_secret: str = _setting(
        "",
        "Secret shared with the relays: each call has a name and a password of its own.",
        secret=True,
    )

    @property
    def store_url(self) -> str:
        """The database that is meant: the chosen one, or SQLite in the data folder."""
        return self.database_url or f"sqlite:///{self.data.absolute() / 'turnwise.db'}"


def load(
    flags: Mapping[str, object], environ: Mapping[str, str], toml_path: Path | None
) -> Settings:
    """Read the settings.

    Args:
        flags: Options of the command line by setting; None means not given.
        environ: The process's environment.
        toml_path: The file of settings; None: there is none. A file that does not exist is none.

    Raises:
        ConfigError: If a value cannot be used, or the file has a key that is no setting.
    """
    chosen: dict[str, Any] = {}
    written = _file(toml_path) if toml_path is not None else {}
    types = get_type_hints(Settings)
    for row in fields(Settings):
        variable = PREFIX + row.name.upper()
        if flags.get(row.name) is not None:
            source, raw = "the option --" + row.name.replace("_", "-"), flags[row.name]
        elif environ.get(variable):
            source, raw = f"the variable {variable}", environ[variable]
        elif row.name in written:
            source, raw = f"{row.name} in {toml_path}", written[row.name]
        else:
            continue
        chosen[row.name] = _value(row, types[row.name], source, raw)
    return Settings(**chosen)


def _file(path: Path) -> dict[str, object]:
    try:
        written = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as exc:
        raise ConfigError(f"{path} cannot be read: {exc.strerror}") from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{path} is not a TOML file: {exc}") from exc
    known = [row.name for row in fields(Settings)]
    for key in written:
        if key not in known:
            raise ConfigError(f"{key} in {path} is no setting; there are {', '.join(known)}")
    return written


def _value(row: Field[Any], wanted: object, source: str, raw: object) -> object:
    shown = repr(raw) if row.repr else "(not shown)"
    value = _converted(wanted, raw)
    if value is None:
        raise ConfigError(f"{source} is {shown}; it should be {_RIGHT[wanted]}")
    check: Check | None = row.metadata["check"]
    if check is not None and (right := check(value)) is not None:
        raise ConfigError(f"{source} is {shown}; it should be {right}")
    return value


_RIGHT: Mapping[object, str] = {
    str: "a text",
    int: "a whole number",
    bool: "true or false",
    Path: "the path of a folder",
    Options: "a table of options; as a variable, a JSON object",
    Rows: "tables; as a variable, a JSON array of objects",
}
_WORDS = {"true": True, "yes": True, "on": True, "1": True}
_WORDS |= {"false": False, "no": False, "off": False, "0": False}


def _converted(wanted: object, raw: object) -> object:
    """Return the value as its type, None if it is not one."""
    if wanted is bool:
        return _WORDS.get(raw.strip().lower()) if isinstance(raw, str) else _only(bool, raw)
    if wanted is int:
        return _whole(raw)
    if wanted is Path:
        return Path(raw).expanduser() if isinstance(raw, str | Path) and str(raw) else None
    if wanted == Options:
        return _only(dict, _parsed(raw) if isinstance(raw, str) else raw)
    if wanted == Rows:
        return _rows(_parsed(raw) if isinstance(raw, str) else raw)
    return _only(str, raw)


def _rows(raw: object) -> object:
    if not isinstance(raw, list) or not all(isinstance(row, dict) for row in raw):
        return None
    return tuple(raw)


def _only(wanted: type, raw: object) -> object:
    return raw if isinstance(raw, wanted) else None


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _whole(raw: object) -> int | None:
    if isinstance(raw, str):
        try:
            return int(raw)
        except ValueError:
            return None
    return raw if isinstance(raw, int) and not isinstance(raw, bool) else None
