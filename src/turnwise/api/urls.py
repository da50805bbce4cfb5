"""URLs that users configure, as they are stored: where they lead is seen when they are called."""

import re
from collections.abc import Callable

_PLACEHOLDER = re.compile(r"\{\{[^{}]*\}\}|\{[^{}]*\}")
_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[^\s/?#@:\[\]\\]+)(?::\d{1,5})?")


def url_problem(url: str, may_be_plain: Callable[[str], bool]) -> str | None:
    """Return what is wrong with a URL that may have placeholders; None: nothing."""
    scheme, separator, rest = url.partition("://")
    host = _PLACEHOLDER.sub("x", rest).partition("/")[0].partition("?")[0].partition("#")[0]
    name = host.rpartition("@")[2]
    if not separator or not _HOST.fullmatch(name):
        return "Invalid URL format"
    if scheme == "http" and may_be_plain(re.sub(r":\d+$", "", name).strip("[]")):
        return None
    return None if scheme == "https" else "URLs must begin with https://"
