"""What a provider says about itself: data, so that nobody asks a class or a name what it can do."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from turnwise.base.errors import ProviderRefused
from turnwise.providers.model_files import ModelFiles, model_folder

Kind = Literal["vad", "stt", "llm", "tts"]
"""What a provider is for, and the first half of its name in the registry: tells speech from silence
(`SpeechDetector`), turns sound into words (`Transcriber`), writes replies (`LanguageModel`), speaks
(`Synthesizer`)."""

Quality = Literal["demo", "good", "double"]
"""`demo`: enough to see the server work. `good`: fit for callers. `double`: for tests only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderSpec:
    """What there is to know about a provider before it is made."""

    kind: Kind

    name: str
    """Second half of its name in the registry."""

    sentence: str
    """What it is, for people who choose one."""

    quality: Quality

    licence: str
    """Of the engine and its models, and what follows from it."""

    extra: str | None = None
    """The extra of this package that installs what it needs; None: nothing more is needed."""

    modules: tuple[str, ...] = ()
    """The packages it imports when it is made."""

    needs_key: bool = False
    """Whether someone else's credentials are needed."""

    model: ModelFiles | None = None
    """What it needs besides its packages; None: nothing."""

    @property
    def full_name(self) -> str:
        """Its name in the registry and in errors: `tts/espeak`."""
        return f"{self.kind}/{self.name}"

    def missing(self) -> str | None:
        """Return one sentence on what must be installed first; None: nothing."""
        absent = [module for module in self.modules if not _is_there(module)]
        if not absent:
            return None
        return (
            f"the package {' and the package '.join(absent)} must be installed first: "
            f"pip install 'turnwise[{self.extra}]'"
        )

    def check_installed(self) -> None:
        """Refuse to go on where a package is missing.

        Raises:
            ProviderRefused: If one is.
        """
        if reason := self.missing():
            raise ProviderRefused(self.full_name, reason)

    def missing_model(self, path: Path | None = None) -> str | None:
        """Return one sentence on how to get the model that is not there; None: it is.

        Args:
            path: The folder to look in; None: the one where `turnwise download` puts it.
        """
        folder = path or model_folder(self.full_name)
        absent = self.model.missing_in(folder) if self.model else []
        if self.model is None or not absent:
            return None
        return (
            f"there is no model in {str(folder)!r} (no file {', no file '.join(absent)}): "
            f"run `turnwise download {self.full_name}` ({self.model.name}, "
            f"{self.model.megabytes} MB), or name the folder of another one in the option 'path'"
        )

    def model_in(self, path: Path | None) -> Path:
        """Return the folder that holds the model.

        Args:
            path: That folder; None: the one where `turnwise download` puts it.

        Raises:
            ProviderRefused: If it does not hold one.
        """
        folder = path or model_folder(self.full_name)
        if reason := self.missing_model(folder):
            raise ProviderRefused(self.full_name, reason)
        return folder


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # of the package that it is in
        return False
