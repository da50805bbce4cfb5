"""What the operations work with."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry
from starlette.requests import Request

from turnwise.api.limits import RequestLimits
from turnwise.knowledge.library import Library
from turnwise.outgoing import Outgoing
from turnwise.providers.ports import SpeechDetector, Synthesizer, Transcriber
from turnwise.store import Blobs, Signer, Store, Vault
from turnwise.store.room_tokens import RoomTokens

MEBIBYTE = 1_048_576


def _never() -> bool:
    return False


def _nobody(_operation: str, _status: int) -> None:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Deps:
    """Everything the API is given by the composition root."""

    store: Store
    blobs: Blobs
    signer: Signer

    vault: Vault | None = None
    """Seals the secrets of users; None: this server can keep none."""

    outgoing: Outgoing | None = None
    """The way out to URLs that users configure; None: there is none."""

    room_tokens: RoomTokens | None = None
    """Who signs permissions for WebRTC; None: nobody, there is none."""

    live_calls: Callable[[Collection[str]], int] = field(default=lambda _: 0)
    """Returns how many conversations are live with agents of some ids; with none: with any."""

    figures: CollectorRegistry | None = None
    """What `/metrics` tells; None: nothing."""

    figures_for: str = "local"
    """Who may read it: `local`, `key`, `open` or `off`."""

    public_url: str = ""
    """How clients reach this server; empty: as they asked for it."""

    max_body_bytes: int = 16 * MEBIBYTE
    """Size of the largest request body."""

    synthesizer: Synthesizer | None = None
    """Who speaks; None: nobody does outside conversations."""

    transcriber: Transcriber | None = None
    """Who writes down what is said; None: nobody does outside conversations."""

    detector: SpeechDetector | None = None
    """Tells speech from silence in what is to be written down; None: all of it is one utterance."""

    limits: RequestLimits = field(default_factory=RequestLimits)
    """How many requests are answered."""

    library: Library = field(default_factory=Library)
    """Finds what is said in documents."""

    check_answers: bool = False
    """Whether an answer that is not in the published shape is an error: for tests."""

    observe: Callable[[str, int], None] = _nobody
    """Is told the operation and the status of each answer."""

    draining: Callable[[], bool] = _never
    """Whether this process takes no new conversations."""

    def may_be_plain(self, host: str) -> bool:
        """Return whether users may configure URLs without TLS to a host."""
        return self.outgoing is not None and self.outgoing.policy.may_be_plain(host)


def deps_of(request: Request) -> Deps:
    """Return what the application was made with."""
    deps = request.app.state.deps
    assert isinstance(deps, Deps)
    return deps
