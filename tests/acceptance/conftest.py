"""Real servers, shared by all tests of a process, and clients of the official SDK."""

import fcntl
import importlib
import json
import os
import shutil
import subprocess
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from elevenlabs.client import ElevenLabs

from acceptance.brain import Brain
from acceptance.house import KEY, House
from acceptance.pages import browser, chromium  # noqa: F401  # fixtures

MakeHouse = Callable[..., House]


def pytest_xdist_auto_num_workers() -> int:
    """For `-n auto`: twice the processors, because these tests wait more than they compute."""
    return 2 * (os.cpu_count() or 1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Try a test of real processes in real time once more: machines are shared, and stall.

    Browsers take turns: two at once leave no processor to those who speak in real time.
    """
    for item in items:
        if "chromium" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("browser"))
        if item.get_closest_marker("acceptance"):
            item.add_marker(pytest.mark.flaky(reruns=1))


JS = Path(__file__).with_name("js")


@pytest.fixture(scope="session")
def node_packages() -> Path:
    """The published clients that `js/package.json` names, installed once; return their folder."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("node and npm are missing")
    modules = JS / "node_modules"
    modules.mkdir(exist_ok=True)
    wanted = json.loads((JS / "package.json").read_text(encoding="utf-8"))["dependencies"]
    with (modules / ".turnwise-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if wanted.items() <= _installed(modules, wanted).items():
            return modules
        flags = ["--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund"]
        try:
            subprocess.run(
                [npm, "install", *flags], cwd=JS, check=True, capture_output=True, timeout=180
            )
        except (subprocess.SubprocessError, OSError) as error:
            pytest.skip(f"npm cannot install the clients: {error}")
    return modules


def _installed(modules: Path, names: Iterable[str]) -> dict[str, str]:
    about = {name: modules / name / "package.json" for name in names}
    return {
        name: json.loads(file.read_text(encoding="utf-8"))["version"]
        for name, file in about.items()
        if file.exists()
    }


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "acceptance: drives a real server with real clients")
    with warnings.catch_warnings():  # the SDK names a class that websockets has deprecated
        warnings.simplefilter("ignore", DeprecationWarning)
        importlib.import_module("elevenlabs.conversational_ai.conversation")


@pytest.fixture(scope="session")
def make_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeHouse]:
    """Start further servers: `make_house(LLM="openai", …)`, settings without `TURNWISE_`."""
    with ExitStack() as stack:

        def make(**settings: str) -> House:
            house = House(tmp_path_factory.mktemp("house"), settings)
            stack.callback(house.close)
            return house

        yield make


@pytest.fixture(scope="session")
def _plain_house(make_house: MakeHouse) -> House:
    return make_house()


@pytest.fixture(scope="session")
def brain() -> Iterator[Brain]:
    """The language model of `scripted_house`."""
    brain = Brain()
    with brain.serve():
        yield brain


@pytest.fixture(scope="session")
def _scripted_house(make_house: MakeHouse, brain: Brain) -> House:
    return make_house(
        LLM="openai", LLM_BASE_URL=brain.base_url, LLM_API_KEY="none", LLM_MODEL="scripted"
    )


@pytest.fixture(scope="session")
def _tool_house(make_house: MakeHouse, brain: Brain) -> House:
    return make_house(
        LLM="openai",
        LLM_BASE_URL=brain.base_url,
        LLM_API_KEY="none",
        LLM_MODEL="scripted",
        ALLOW_PRIVATE_NETWORK="true",
    )


def _without_faults(house: House) -> Iterator[House]:
    """The server, whose log must tell of no fault after the test."""
    before = house.faults()
    yield house
    assert house.faults() == before
    assert house.is_ready()


@pytest.fixture
def house(_plain_house: House) -> Iterator[House]:
    """A server as it is right after install."""
    yield from _without_faults(_plain_house)


@pytest.fixture
def scripted_house(_scripted_house: House) -> Iterator[House]:
    """A server whose language model is `brain`."""
    yield from _without_faults(_scripted_house)


@pytest.fixture
def sdk(house: House) -> Iterator[ElevenLabs]:
    """The official SDK, at `house`."""
    yield from _sdk(house)


@pytest.fixture
def scripted_sdk(scripted_house: House) -> Iterator[ElevenLabs]:
    """The official SDK, at `scripted_house`."""
    yield from _sdk(scripted_house)


@pytest.fixture
def tool_house(_tool_house: House) -> Iterator[House]:
    """A server whose language model is `brain`, and that may call services on this machine."""
    yield from _without_faults(_tool_house)


@pytest.fixture
def tool_sdk(tool_house: House) -> Iterator[ElevenLabs]:
    """The official SDK, at `tool_house`."""
    yield from _sdk(tool_house)


def _sdk(house: House) -> Iterator[ElevenLabs]:
    with httpx.Client() as http:
        yield ElevenLabs(api_key=KEY, base_url=house.url, httpx_client=http)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path
