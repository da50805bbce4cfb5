"""`@elevenlabs/react`, unmodified, in a page of React: the files of the how-to page are run."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from acceptance.house import KEY, House, agent, client_tool, free_port, said, wait_until
from acceptance.pages import JS, Browser, texts, until
from acceptance.question import ADDRESS, GREETING, HOURS, HOW_TO, asking, heard_in_record

pytestmark = pytest.mark.acceptance

Json = dict[str, Any]
Site = Callable[[str], str]

CONNECTIONS = {"websocket": "server.py", "webrtc": "webrtc.py"}
"""Which file of the how-to page serves a page that talks over what."""
TRIES_NEWER_PATH = r"/rtc/v1.* 404$|status of 404 |v1 RTC path not found"
"""What the SDK writes on the console before a conversation over WebRTC."""
STATUS = "document.querySelector('#status').textContent"
AT_REST = (
    f"(window.rest = {STATUS} === 'listening' ? window.rest ?? performance.now() : undefined)"
    " < performance.now() - 1000"
)
"""The agent has been silent for a second: shorter holes are those of a busy machine."""


def parts() -> dict[str, str]:
    """The files of the how-to page, by name."""
    page = (HOW_TO / "react.md").read_text(encoding="utf-8")
    found = re.findall(r"^```\w+ ([\w.]+)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert {"App.jsx", "main.jsx", *CONNECTIONS.values()} == {name for name, _ in found}
    return dict(found)


@pytest.fixture(scope="module")
def app(node_packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the servers, and in `site` the page."""
    folder = tmp_path_factory.mktemp("app")
    for name, text in parts().items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "node_modules").symlink_to(node_packages)
    site = folder / "site"
    site.mkdir()
    html = '<!doctype html><html lang="en"><meta charset="utf-8"><title>React</title>'
    html += '<link rel="icon" href="data:,"><div id="root"></div><script src="page.js"></script>'
    (site / "index.html").write_text(html, encoding="utf-8")
    subprocess.run(
        [JS / "node_modules" / ".bin" / "esbuild", "main.jsx", "--bundle", "--jsx=automatic",
         "--outfile=site/page.js", '--define:process.env.NODE_ENV="production"',
         "--log-level=warning"],
        cwd=folder, check=True, timeout=120,
    )  # fmt: skip
    return folder


@pytest.fixture(params=list(CONNECTIONS.values()), ids=list(CONNECTIONS))
def site(request: pytest.FixtureRequest, app: Path, house: House) -> Iterator[Site]:
    """Serve the page for an agent; return its address."""
    running: list[subprocess.Popen[bytes]] = []

    def serve(agent_id: str) -> str:
        url = f"http://127.0.0.1:{(port := free_port())}/"
        environ = {"TURNWISE_URL": house.url, "TURNWISE_KEY": KEY, "AGENT_ID": agent_id}
        module = request.param.removesuffix(".py")
        command = [sys.executable, "-m", "uvicorn", f"{module}:app", "--port", str(port)]
        running.append(
            subprocess.Popen(
                [*command, "--log-level", "warning"], cwd=app, env={**os.environ, **environ}
            )
        )
        wait_until(lambda: is_there(url), "the start of the page's server")
        return url

    yield serve
    for process in running:
        process.terminate()
        process.wait(30)


def is_there(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 200
    except httpx.TransportError:
        return False


def test_a_spoken_question_to_the_hooks(house: House, site: Site, browser: Browser) -> None:
    agent_id = house.create(agent(f"{HOURS} {ADDRESS}", GREETING))
    visit = browser.visit(
        {"open": site(agent_id)},
        {"click": "#talk"},
        {"wait": f"{STATUS} === 'speaking'"},
        until("li.ai", 2),
        {"wait": AT_REST},
        {"click": "#end"},
        {"wait": f"{STATUS} === 'disconnected'"},
        texts("li.ai"),
        texts("li.user"),
        microphone=asking(after_s=4.5),
    )
    visit.was_clean(but_for=TRIES_NEWER_PATH)
    by_agent, by_user = visit.read
    record = house.newest_of(agent_id)
    assert record["status"] == "done"
    assert record["metadata"]["conversation_initiation_source"] == "react_sdk"
    assert by_user  # in which words is up to the transcriber, which may amend them afterwards
    assert list(filter(None, by_agent)) == said(record, "agent")
    heard_in_record(house, record["conversation_id"])


def test_a_client_tool_of_a_hook_in_writing(house: House, site: Site, browser: Browser) -> None:
    tool = client_tool("show_map", "Shows the map.")
    agent_id = house.create(agent(HOURS, "Hello!", tools=[tool]))
    visit = browser.visit(
        {"open": site(agent_id)},
        {"click": "#write"},
        until("li.ai"),
        {"fill": ["input", "When are you open?"]},
        {"press": "Enter"},
        until("li.ai", 2),
        {"fill": ["input", "show me the map"]},
        {"press": "Enter"},
        until("li.map"),
        until("li.ai", 3),
        {"click": "#end"},
        {"wait": f"{STATUS} === 'disconnected'"},
        texts("li.ai"),
        texts("li.map"),
    )
    visit.was_clean(but_for=TRIES_NEWER_PATH)
    by_agent, shown = visit.read
    assert by_agent[:2] == ["Hello!", HOURS]
    assert shown == ["Here is the map."]
    record = house.newest_of(agent_id)
    results = [result for turn in record["transcript"] for result in turn["tool_results"]]
    assert [(each["tool_name"], each["result_value"]) for each in results] == [
        ("show_map", "The map is shown.")
    ]
