"""The published widget, unmodified, in Debian's Chromium with a fake microphone."""

import re
import subprocess
import sys
from base64 import b64decode, b64encode
from hashlib import sha384
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest

from acceptance.house import IN_WRITING, KEY, LIMIT_S, House, agent, said, wait_until
from acceptance.pages import NO_SOUND, Browser, Visit, site
from acceptance.question import ADDRESS, GREETING, HOURS, HOW_TO, asking
from acceptance.speech import Sound
from turnwise.web.widget import CDN_INTEGRITY

pytestmark = pytest.mark.acceptance

Json = dict[str, Any]

PNG = b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
STILL: Json = {
    "widget": {
        "avatar": {"type": "image", "url": f"data:image/png;base64,{b64encode(PNG).decode()}"}
    }
}
"""A picture costs a busy machine less than the orb."""
CALL = "[aria-label='Start a call']"
INPUT = "[aria-label='Text message input']"


@pytest.fixture
def widget_house(house: House, node_packages: Path) -> House:
    """The plain server, with the copy that `turnwise widget fetch` made while it ran."""
    assert node_packages.exists()
    if (house.folder / "data" / "widget" / "packages.json").exists():
        return house  # another test had it made
    asked = ["npm", "config", "get", "registry"]
    registry = subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()
    fetch = [sys.executable, "-m", "turnwise", "widget", "fetch", "--registry", registry]
    made = subprocess.run(
        [*fetch, "--data", str(house.folder / "data")],
        check=False,
        capture_output=True,
        text=True,
        timeout=2 * LIMIT_S,
    )
    if "cannot be fetched" in made.stderr:
        pytest.skip(made.stderr)
    assert made.returncode == 0, made.stderr
    return house


def snippets() -> list[str]:
    """The page's own: before and after."""
    page = (HOW_TO / "widget.md").read_text(encoding="utf-8")
    return re.findall(r"^```html\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


def page_with(house: House, agent_id: str, snippet: str) -> str:
    snippet = snippet.replace("agent_…", agent_id).replace("https://voice.example.com", house.url)
    return f"<!doctype html><title>Shop</title><h1>Our shop</h1>{snippet}"


def visit(browser: Browser, html: str, *steps: Json, microphone: Sound = NO_SOUND) -> Visit:
    """Do what a visitor does on a page of somebody's; return what happened."""
    index = browser.folder / "index.html"
    index.write_text(html)
    with site({"/": index}) as url:
        seen = browser.visit(
            {"open": url},
            *steps,
            context={"viewport": {"width": 900, "height": 800}},
            microphone=microphone,
        )
    assert seen.errors == []
    return seen


def asked(seen: Visit, house: House) -> set[str]:
    """What was asked of the server, as methods and paths."""
    found = [(method, url) for method, url in seen.requests if url.startswith(house.url)]
    return {f"{method} {url.removeprefix(house.url)}" for method, url in found}


def rated(stars: int, comment: str) -> list[Json]:
    return [
        {"see": "text=How was this conversation?"},
        {"click": f"[role=radio] >> nth={stars - 1}"},
        {"fill": ["[placeholder^='Tell us more']", comment]},
        {"click": "text=Submit"},
        {"see": "text=New call"},
    ]


def test_only_the_scripts_address_is_changed() -> None:
    before, after = snippets()
    unpkg = "https://unpkg.com/@elevenlabs/convai-widget-embed"
    assert before.replace(unpkg, "https://voice.example.com/widget.js") == after


def test_the_copy_is_what_pages_check_the_public_bundle_by(widget_house: House) -> None:
    [bundle] = (widget_house.folder / "data" / "widget").glob("convai-widget-embed-*/index.js")
    digest = b64encode(sha384(bundle.read_bytes()).digest()).decode()
    assert f"sha384-{digest}" == CDN_INTEGRITY


def test_a_call_with_terms_avatar_and_rating(widget_house: House, browser: Browser) -> None:
    house = widget_house
    looks: Json = {"terms_text": "By *calling* you agree.", "terms_key": "t1"}
    looks |= {"end_feedback": {"type": "rating"}, "text_contents": {"main_label": "Ask us"}}
    agent_id = house.create(agent(f"{HOURS} {ADDRESS}", GREETING, settings={"widget": looks}))
    uploaded = httpx.post(
        f"{house.url}/v1/convai/agents/{agent_id}/avatar",
        headers={"xi-api-key": KEY},
        files={"avatar_file": ("me.png", PNG, "image/png")},
    )
    avatar = uploaded.json()["avatar_url"].removeprefix(house.url)
    # asked again, should the machine be too busy to hear it the first time
    microphone = np.tile(asking(after_s=4.5, then_s=9.0), 3)
    steps: list[Json] = [
        {"see": "text=Ask us"},
        {"click": CALL},
        {"see": "em:has-text('calling')"},
        {"shot": str(browser.folder / "terms.png")},
        {"click": "text=Accept"},
        {"click": CALL},
        {"see": f"text={GREETING}"},
        {"see": f"text={ADDRESS}"},
        {"shot": str(browser.folder / "call.png")},
        {"see": "text=Listening"},
        {"click": "[aria-label=End]"},
        *rated(4, "Friendly."),
        {"shot": str(browser.folder / "rated.png")},
    ]
    html = page_with(house, agent_id, snippets()[1])
    seen = visit(browser, html, *steps, microphone=microphone)
    assert seen.outside == []
    assert [socket.startswith(house.socket_url(agent_id)) for socket in seen.sockets] == [True]
    assert f"GET {avatar}" in asked(seen, house)
    record = house.newest_of(agent_id)
    assert record["status"] == "done"
    assert record["metadata"]["conversation_initiation_source"] == "widget"
    assert ADDRESS in said(record, "agent")
    assert any("address" in words for words in said(record, "user"))

    def comment() -> object:
        told = house.conversation(record["conversation_id"])["metadata"]["feedback"]
        return told["rating"] == 4 and told["comment"]

    assert wait_until(comment, "the comment") == "Friendly."


def test_a_private_agent_in_writing_in_another_language(
    widget_house: House, browser: Browser
) -> None:
    house = widget_house
    allowed = {"agent": {"language": True}, **IN_WRITING["conversation_config_override"]}
    agent_id = house.create(
        agent(
            HOURS,
            GREETING,
            config={"language_presets": {"de": {"overrides": {}}}},
            settings={
                "auth": {"enable_auth": True},
                "overrides": {"conversation_config_override": allowed},
                "widget": {"avatar": {"type": "orb", "color_1": "#7a3b12", "color_2": "#f0d9b5"}},
            },
        )
    )
    steps: list[Json] = [
        {"click": CALL},
        {"click": "[aria-label='Change language']"},
        {"click": "text=Deutsch"},
        {"see": "[aria-label='Change language'][data-state=closed]:has-text('Deutsch')"},
        {"fill": [INPUT, "When are you open?"]},
        {"press": "Enter"},
        {"see": f"text={HOURS}"},
        {"see": "text=Chatting with AI Agent"},
        {"shot": str(browser.folder / "chat.png")},
        {"click": "[aria-label=End]"},
        {"see": "text=You ended the conversation"},
    ]
    invitation = house.ask("/v1/convai/conversation/get-signed-url", agent_id=agent_id)
    # as a module the script has to find its own address in another way
    snippet = snippets()[1].replace("text/javascript", "module")
    snippet = snippet.replace('agent-id="agent_…"', f'signed-url="{invitation["signed_url"]}"')
    html = page_with(house, agent_id, snippet)
    seen = visit(browser, html, *steps)
    assert seen.outside == []
    assert {"GET /widget/perlin-noise.png", "GET /widget/flags/de.svg"} <= asked(seen, house)
    record = house.newest_of(agent_id)
    assert record["metadata"]["text_only"]
    assert record["metadata"]["main_language"] == "de"
    assert HOURS in said(record, "agent")


@pytest.mark.skipif(find_spec("aiortc") is None, reason="WebRTC is not installed")
def test_a_call_over_webrtc(widget_house: House, browser: Browser) -> None:
    house = widget_house
    agent_id = house.create(agent(HOURS, GREETING, settings=STILL))
    html = page_with(house, agent_id, snippets()[1].replace("agent-id", 'use-rtc="true" agent-id'))
    steps: list[Json] = [
        {"click": CALL},
        {"click": CALL},
        {"see": f"text={GREETING}"},
        {"click": "[aria-label=End]"},
        {"see": "text=You ended the conversation"},
    ]
    seen = visit(browser, html, *steps)
    assert seen.outside == []
    assert {urlsplit(socket).path for socket in seen.sockets} == {"/rtc"}
    assert house.newest_of(agent_id)["status"] == "done"


OTHER_CODE = """(async () => {
  class Mine extends WebSocket {}
  const mine = new Mine("wss://elsewhere.example/x");
  const own = await fetch("https://api.eu.residency.elevenlabs.io/v1/convai/agents/AGENT/widget");
  const failed = await Promise.all(
    ["https://api.elevenlabs.io/v1/text-to-speech/x", "https://shop.example/v1/convai/y"].map(
      (url) => fetch(new URL(url)).then(() => null, (error) => error.name)));
  const mistake = await fetch("http://user:word@127.0.0.1/").catch((error) => error.message);
  new Image().src = "https://storage.googleapis.com/eleven-public-cdn/images/other.png";
  return {
    agent: (await own.json()).agent_id, failed, mistake: mistake.includes("credentials"),
    mine: mine instanceof Mine && mine instanceof WebSocket && mine.url,
    names: [fetch.name, fetch.length, WebSocket.name, WebSocket.OPEN, String(fetch)],
    bundles: document.querySelectorAll("script[src*='/widget/convai-widget-embed']").length,
  };
})()"""


def test_the_page_and_its_other_code_are_left_alone(widget_house: House, browser: Browser) -> None:
    house = widget_house
    agent_id = house.create(agent(HOURS, GREETING, settings=STILL))
    element, script = snippets()[1].split("\n", 1)
    module = script.replace("text/javascript", "module")
    html = page_with(house, agent_id, f"{script}{element}{module}{element}{script}")
    policy = (
        f"script-src 'nonce-abc' 'strict-dynamic' blob:; connect-src https: wss: {house.url}"
        f" ws://127.0.0.1:{house.port}"
    )
    meta = f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    html = html.replace("<title>", f"{meta}<title>").replace("<script", '<script nonce="abc"')
    steps: list[Json] = [
        {"see": f"elevenlabs-convai >> nth=1 >> {CALL}"},
        {"read": OTHER_CODE.replace("AGENT", agent_id)},
    ]
    seen = visit(browser, html, *steps)
    assert seen.read == [
        {
            "agent": agent_id,
            "failed": ["TypeError", "TypeError"],
            "mistake": True,
            "mine": "wss://elsewhere.example/x",
            "names": ["fetch", 1, "WebSocket", 1, "function () { [native code] }"],
            "bundles": 1,
        }
    ]
    assert sorted(seen.outside) == [
        "https://api.elevenlabs.io/v1/text-to-speech/x",
        "https://shop.example/v1/convai/y",
        "https://storage.googleapis.com/eleven-public-cdn/images/other.png",
        "wss://elsewhere.example/x",
    ]
