"""Pictures that clients send: what they are, and under which name they are kept."""

import hashlib
import re
from dataclasses import dataclass
from typing import Final

from turnwise.api.errors import Malformed

MOST_BYTES: Final = 5 * 1_048_576
"""Size of the largest picture."""

_BEGINNINGS: Final = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "png"),
    (re.compile(rb"\xff\xd8\xff"), "jpeg"),
    (re.compile(rb"GIF8[79]a"), "gif"),
    (re.compile(rb"RIFF.{4}WEBP", re.DOTALL), "webp"),
)
"""What files begin with. No SVG: it may hold scripts, which would run on our own pages."""
_NAME: Final = re.compile(r"([0-9a-f]{32})\.(png|jpeg|gif|webp)", re.ASCII)
_OF_A_PATH: Final = re.compile(r"[a-z0-9_-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture, known by what is in it."""

    digest: str
    kind: str

    @classmethod
    def named(cls, name: str) -> "Picture | None":
        """Return the picture of a name in `path`; None: it is no such name."""
        found = _NAME.fullmatch(name)
        return cls(found[1], found[2]) if found else None

    @property
    def media_type(self) -> str:
        """As HTTP names it."""
        return f"image/{self.kind}"

    def key(self, agent_id: str) -> str:
        """Return its name among the blobs."""
        return f"agents/{agent_id}/avatar/{self.digest}.{self.kind}"

    def path(self, agent_id: str) -> str:
        """Return the path it is served under."""
        return f"/v1/convai/agents/{agent_id}/avatar/{self.digest}.{self.kind}"


def is_name(agent_id: str) -> bool:
    """Return whether an id can be part of the name of a blob, as those of agents can."""
    return _OF_A_PATH.fullmatch(agent_id) is not None


def picture_of(data: bytes) -> Picture:
    """Return what a file is, by its first bytes, whatever its name says.

    Raises:
        Malformed: If it is no picture that every browser shows.
    """
    for beginning, kind in _BEGINNINGS:
        if beginning.match(data):
            return Picture(hashlib.sha256(data).hexdigest()[:32], kind)
    raise Malformed("The file is not a PNG, JPEG, GIF or WebP picture.", code="invalid_file_type")
