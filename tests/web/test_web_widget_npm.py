"""`turnwise widget fetch` at a registry that is right, wrong, or none."""

import gzip
import hashlib
import io
import json
import tarfile
import threading
from base64 import b64encode
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner
from typing_extensions import override

from turnwise.base.errors import ConfigError
from turnwise.cli.widget import widget
from turnwise.web import widget_npm
from turnwise.web.widget_copy import FOLDER, LocalCopy
from turnwise.web.widget_npm import RegistryError

app = typer.Typer(pretty_exceptions_enable=False)
app.add_typer(widget, name="widget")

BUNDLE = b"/* the bundle */"
WIDGET = "@elevenlabs/convai-widget-embed"


def tarball(files: Mapping[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
        link = tarfile.TarInfo("package/dist/index.js.link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    return packed.getvalue()


def integrity(data: bytes) -> str:
    return f"sha512-{b64encode(hashlib.sha512(data).digest()).decode()}"


class Npm(ThreadingHTTPServer):
    """A registry of what the tests put into it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Pages)
        self.pages: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.url = f"http://127.0.0.1:{self.server_port}"

    def publish(self, name: str, version: str, data: bytes, **dist: str | None) -> None:
        file = f"/{name}/-/{version}.tgz"
        told: dict[str, str | None] = {
            "integrity": integrity(data),
            "tarball": f"https://registry.npmjs.org{file}",  # as mirrors have it
        }
        page = f"/{name.replace('/', '%2F')}"
        known = json.loads(self.pages.get(page, b'{"versions": {}}'))
        known["versions"][version] = {"dist": told | dist}
        known["dist-tags"] = {"latest": version}
        self.pages |= {page: json.dumps(known).encode(), file: data}


class Pages(BaseHTTPRequestHandler):
    server: Npm

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        body = self.server.pages.get(self.path)
        self.send_response(404 if body is None else 200)
        self.end_headers()
        self.wfile.write(body or b"")

    @override
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def npm(monkeypatch: pytest.MonkeyPatch) -> Iterator[Npm]:
    """A registry with the three packages; their hashes are the ones that are known."""
    files = {
        "WIDGET": {"package/dist/index.js": BUNDLE, "package/LICENSE": b"MIT", "package/x": b"x"},
        "FLAGS": {"package/flags/de.svg": b"<svg/>", "package/flags/../../../x.svg": b"x"},
        "RESAMPLER": {"package/dist/libsamplerate.worklet.js": b"//"},
    }
    with Npm() as server:
        for row, each in files.items():
            known, data = getattr(widget_npm, row), tarball(each)
            more = {field: getattr(known, field) for field in ("name", "version", "files", "what")}
            package = widget_npm.Package(**more, integrity=integrity(data))
            monkeypatch.setattr(widget_npm, row, package)
            server.publish(known.name, known.version, data)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def fetch(npm: Npm, data: Path, *more: str) -> str:
    arguments = ["widget", "fetch", "--registry", npm.url, "--data", str(data), *more]
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_a_copy_is_made_once(npm: Npm, tmp_path: Path) -> None:
    told = fetch(npm, tmp_path)
    assert "0.5.4, 2 files, sha512 as published" in told
    copy = LocalCopy(tmp_path / FOLDER)
    assert copy.versions() == {
        "convai-widget-embed": "0.5.4",
        "circle-flags": "2.8.3",
        "libsamplerate-js": "2.1.2",
    }
    bundle = copy.folder / "convai-widget-embed-0.5.4"
    assert {file.name for file in bundle.iterdir()} == {"index.js", "index.js.gz", "LICENSE"}
    assert (bundle / "index.js").read_bytes() == BUNDLE
    assert gzip.decompress((bundle / "index.js.gz").read_bytes()) == BUNDLE
    npm.asked.clear()
    fetch(npm, tmp_path)
    assert npm.asked == []


@pytest.mark.parametrize("wanted", ["0.6.0", "latest"])
def test_another_version_by_its_number_or_a_tag(npm: Npm, tmp_path: Path, wanted: str) -> None:
    npm.publish(WIDGET, "0.6.0", tarball({"package/dist/index.js": b"newer"}))
    fetch(npm, tmp_path)
    fetch(npm, tmp_path, "--version", wanted)
    copy = LocalCopy(tmp_path / FOLDER)
    assert copy.versions()["convai-widget-embed"] == "0.6.0"
    assert (copy.folder / "convai-widget-embed-0.6.0" / "index.js").read_bytes() == b"newer"
    assert copy.has("convai-widget-embed", "0.5.4")


def test_a_setting_that_wins_over_the_copy_is_told(
    npm: Npm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TURNWISE_WIDGET_BUNDLE_URL", "https://cdn.example/widget.js")
    assert "But they load it from widget_bundle_url" in fetch(npm, tmp_path)


def refused(npm: Npm, data: Path, *more: str) -> str:
    with pytest.raises(RegistryError) as caught:
        fetch(npm, data, *more)
    assert LocalCopy(data / FOLDER).versions() == {}
    assert not list((data / FOLDER).glob("*"))
    return str(caught.value)


GOOD = tarball({"package/dist/index.js": BUNDLE})


@pytest.mark.parametrize(
    ("data", "dist", "reason"),
    [
        (GOOD, {"integrity": integrity(b"other")}, "is not what its sha512 hash says"),
        (GOOD, {"integrity": "sha512-!!"}, "is not what its sha512 hash says"),
        (GOOD, {"integrity": "sha1-x"}, "has no sha512 hash of 0.6.0"),
        (GOOD, {"integrity": None}, "has no sha512 hash of 0.6.0"),
        (GOOD, {"tarball": "ftp://x/y"}, "URLs should begin with https://"),
        (GOOD, {"tarball": "http://10.0.0.1/x"}, "leads into a network"),
        (GOOD, {"tarball": "https://registry.npmjs.org/gone"}, "the answer was 404"),
        (GOOD[:90], {}, "is not a tarball"),
        (b"no tarball", {}, "is not a tarball"),
        (tarball({"package/else.js": b""}), {}, "holds no file like"),
        (tarball({"package/dist/index.js": bytes(16 * 1_048_576 + 1)}), {}, "is larger than"),
    ],
    # packed bytes hold the time: no name for a test, which each process must find by the same one
    ids=lambda value: value[:20] if isinstance(value, str) else type(value).__name__,
)
def test_what_is_not_as_described_is_not_kept(
    npm: Npm, tmp_path: Path, data: bytes, dist: dict[str, str | None], reason: str
) -> None:
    npm.publish(WIDGET, "0.6.0", data, **dist)
    assert reason in refused(npm, tmp_path, "--version", "0.6.0")


def test_the_tested_version_is_the_published_one_whatever_a_registry_says(
    npm: Npm, tmp_path: Path
) -> None:
    npm.publish(WIDGET, "0.5.4", tarball({"package/dist/index.js": b"alert(1)"}))
    assert "another hash than it was published with" in refused(npm, tmp_path)


def test_a_version_that_is_not_there_or_is_none(npm: Npm, tmp_path: Path) -> None:
    told = refused(npm, tmp_path, "--version", "9.9.9")
    assert f"there is no {WIDGET} 9.9.9; there are 0.5.4, latest" in told
    npm.publish(WIDGET, "../../x", GOOD)
    assert "which is no version" in refused(npm, tmp_path, "--version", "../../x")


@pytest.mark.parametrize("page", [b"<html>", b"[]", b"null", b'{"versions": 1}'])
def test_what_is_no_registry_is_told(npm: Npm, tmp_path: Path, page: bytes) -> None:
    npm.pages["/@elevenlabs%2Fconvai-widget-embed"] = page
    told = refused(npm, tmp_path)
    assert "is not JSON" in told or "there are none" in told


def test_a_registry_that_is_not_there(npm: Npm, tmp_path: Path) -> None:
    npm.pages.clear()
    assert "the answer was 404" in refused(npm, tmp_path)
    npm.url = "http://127.0.0.1:1"
    assert "cannot be fetched" in refused(npm, tmp_path)


def test_a_folder_that_cannot_be_written_to(npm: Npm, tmp_path: Path) -> None:
    (tmp_path / FOLDER).touch()
    with pytest.raises(ConfigError, match="cannot be written to"):
        fetch(npm, tmp_path)
