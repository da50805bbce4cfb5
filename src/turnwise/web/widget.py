"""`/widget.js`: the published widget on other people's pages, by changing a script's address."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Route

from turnwise.web.widget_copy import FOLDER, LocalCopy
from turnwise.web.widget_npm import FLAGS, RESAMPLER, WIDGET

CDN: Final = f"https://unpkg.com/{WIDGET.name}@{WIDGET.version}/dist/index.js"
CDN_INTEGRITY: Final = "sha384-L8QhIVpmoWpPM15vV1w01h3MeAacu0St/AFvgbPN89YAFeqSETsCKtpkX6yTeYJA"

_ON_ANY_PAGE: Final = {
    "access-control-allow-origin": "*",
    "cross-origin-resource-policy": "cross-origin",
    "x-content-type-options": "nosniff",
}
_FIVE_MINUTES: Final = {"cache-control": "public, max-age=300"}
_A_DAY: Final = {"cache-control": "public, max-age=86400"}
_FOR_EVER: Final = {"cache-control": "public, max-age=31536000, immutable"}
_TYPES: Final = {".js": "text/javascript", ".svg": "image/svg+xml", ".md": "text/plain"}
_FLAG: Final = re.compile(r"[a-z]{2,3}(-[a-z]{2,4})?", re.ASCII)
_BADGE: Final = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 512 512">'
    '<circle cx="256" cy="256" r="256" fill="#556"/>'
    '<text x="256" y="256" dy=".36em" text-anchor="middle" fill="#fff"'
    ' font-family="sans-serif" font-weight="600" font-size="200">{}</text></svg>'
)


@dataclass(frozen=True, slots=True)
class WidgetScript:
    """What pages load to show an agent."""

    copy: LocalCopy
    bundle_url: str
    """Where the operator says the published bundle is; empty: here, or else at the public CDN."""

    def routes(self) -> list[BaseRoute]:
        """Return where it is served."""
        return [
            Route("/widget.js", self.script),
            Route("/widget/perlin-noise.png", self.noise),
            Route("/widget/flags/{code}.svg", self.flag),
            Route("/widget/{place}/{name}", self.file),
        ]

    def script(self, _request: Request) -> Response:
        """Return the script of the snippet: what turns the widget to this server and loads it."""
        order = json.dumps(self._order())
        text = f"{_static('widget-shim.js').decode().rstrip()}({order});\n"
        headers = {**_ON_ANY_PAGE, **_FIVE_MINUTES}
        return Response(text, media_type="text/javascript", headers=headers)

    def noise(self, _request: Request) -> Response:
        """Return the texture of the orb, one of ours."""
        headers = {**_ON_ANY_PAGE, **_A_DAY}
        return Response(_static("widget-noise.png"), media_type="image/png", headers=headers)

    def flag(self, request: Request) -> Response:
        """Return the round flag of a country; without a local copy its letters."""
        code = request.path_params["code"]
        if not _FLAG.fullmatch(code):
            raise HTTPException(404)
        version = self.copy.versions().get(FLAGS.short)
        found = self.copy.file(f"{FLAGS.short}-{version}", f"{code}.svg")
        text = found.read_bytes() if found else _BADGE.format(code.upper()).encode()
        headers = {**_ON_ANY_PAGE, **_A_DAY}
        return Response(text, media_type=_TYPES[".svg"], headers=headers)

    def file(self, request: Request) -> Response:
        """Return a file of the local copy: its address has its version, so it never changes."""
        file = self.copy.file(request.path_params["place"], request.path_params["name"])
        if file is None or file.suffix == ".gz":
            raise HTTPException(404)
        headers = {**_ON_ANY_PAGE, **_FOR_EVER, "vary": "accept-encoding"}
        media_type = _TYPES.get(file.suffix, "text/plain")
        smaller = file.with_name(f"{file.name}.gz")
        if "gzip" in request.headers.get("accept-encoding", "") and smaller.is_file():
            headers["content-encoding"] = "gzip"
            file = smaller
        return FileResponse(file, media_type=media_type, headers=headers)

    def _order(self) -> dict[str, str | None]:
        versions = self.copy.versions()
        own = {name: f"/widget/{name}-{version}" for name, version in versions.items()}
        resampler = own.get(RESAMPLER.short)
        bundle, integrity = self.bundle_url, None
        if not bundle and WIDGET.short in own:
            bundle = f"{own[WIDGET.short]}/index.js"
        elif not bundle:
            bundle, integrity = CDN, CDN_INTEGRITY
        return {
            "bundle": bundle,
            "integrity": integrity,
            "resampler": f"{resampler}/libsamplerate.worklet.js" if resampler else None,
        }


def routes(data: Path, bundle_url: str) -> Sequence[BaseRoute]:
    """Return where the widget's script and its files are served.

    Args:
        data: The data folder, which may hold a local copy.
        bundle_url: Where the operator says the published bundle is; empty: nowhere special.
    """
    return WidgetScript(LocalCopy(data / FOLDER), bundle_url).routes()


def _static(name: str) -> bytes:
    return (files("turnwise.web") / "static" / name).read_bytes()
