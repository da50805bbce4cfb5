"""From the probability of speech in each frame to the moments at which speech begins and ends.

A frame is voiced from `start_probability` up and unvoiced below `stop_probability`; between the two
it is what the frame before was. Speech begins when `start_ms` in a row are voiced and ends when
`stop_ms` in a row are unvoiced: a short noise does not begin it, a short pause does not end it.

Laws: `Onset` and `Offset` alternate, an `Onset` first. Time is counted in frames, not read from a
clock: the same probabilities give the same events.
"""

from dataclasses import dataclass

from turnwise.base.errors import ConfigError


@dataclass(frozen=True, slots=True)
class GateSettings:
    """How sure the gate must be.

    Raises:
        ConfigError: If a value is out of its range.
    """

    frame_ms: int = 32
    """Length of one frame, 1 or more."""

    start_probability: float = 0.5
    """From here up a frame is voiced, up to 1."""

    stop_probability: float = 0.35
    """Below this a frame is unvoiced; above 0, at most `start_probability`."""

    start_ms: int = 64
    """Speech that must be over before it counts, 1 or more. Rounded up to whole frames."""

    stop_ms: int = 160
    """Silence that must be over before speech has stopped, 1 or more. Rounded up likewise."""

    def __post_init__(self) -> None:
        """Refuse what the gate could not obey."""
        for name in ("frame_ms", "start_ms", "stop_ms"):
            value = getattr(self, name)
            if value < 1:
                raise ConfigError(f"{name} is {value!r}; it must be 1 or more")
        if not 0 < self.stop_probability <= self.start_probability <= 1:
            raise ConfigError(
                f"stop_probability is {self.stop_probability!r} and start_probability is "
                f"{self.start_probability!r}; they must obey 0 < stop <= start <= 1"
            )


@dataclass(frozen=True, slots=True)
class Onset:
    """Speech has begun."""

    at_ms: int
    """When the gate was sure: the end of a frame, counted from the first one."""

    speech_ms: int
    """Speech already over at `at_ms`."""


@dataclass(frozen=True, slots=True)
class Offset:
    """Speech has stopped."""

    at_ms: int
    """When the gate was sure: the end of a frame, counted from the first one."""

    silence_ms: int
    """Silence already over at `at_ms`."""


class SpeechGate:
    """Follows one stream of frames."""

    def __init__(self, settings: GateSettings | None = None) -> None:
        self._settings = settings or GateSettings()
        self._at_ms = 0
        self._speaking = False
        self._voiced = False  # the last frame
        self._run_ms = 0  # length of the run of frames like it

    @property
    def speaking(self) -> bool:
        """Whether speech has begun and not stopped."""
        return self._speaking

    @property
    def at_ms(self) -> int:
        """The end of the last frame, counted from the first one."""
        return self._at_ms

    def push(self, probability: float) -> Onset | Offset | None:
        """Take the probability of speech in the next frame, 0 to 1; return what it makes sure."""
        self._at_ms += self._settings.frame_ms
        voiced = self._is_voiced(probability)
        if voiced != self._voiced:
            self._voiced = voiced
            self._run_ms = 0
        self._run_ms += self._settings.frame_ms
        return self._verdict()

    def reset(self) -> None:
        """Begin a new stream: silence, at 0 ms."""
        self._at_ms = 0
        self._speaking = False
        self._voiced = False
        self._run_ms = 0

    def _is_voiced(self, probability: float) -> bool:
        if self._voiced:
            return not probability < self._settings.stop_probability
        return probability >= self._settings.start_probability

    def _verdict(self) -> Onset | Offset | None:
        if self._voiced and not self._speaking and self._run_ms >= self._settings.start_ms:
            self._speaking = True
            return Onset(self._at_ms, self._run_ms)
        if self._speaking and not self._voiced and self._run_ms >= self._settings.stop_ms:
            self._speaking = False
            return Offset(self._at_ms, self._run_ms)
        return None
