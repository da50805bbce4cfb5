"""The talk page in Debian's Chromium, against a real server."""

import base64
import re
from typing import Any
from urllib.parse import quote

import pytest

from acceptance.house import KEY, House, agent, client_tool, said
from acceptance.pages import PHONE, Browser, texts, until
from acceptance.question import ADDRESS, GREETING, HOURS, HOW_TO, asking, heard_in_record

pytestmark = pytest.mark.acceptance

Json = dict[str, Any]

STORY = " ".join(["This is a long story about a small town and the people in it."] * 6)

LIVE = until('#talk[data-state="live"]')
OVER = until('#talk[data-state="over"]')
SPEAKING = until('#talk[data-mode="speaking"]')
AGENT, USER = ".agent-said .words", ".line.user:not(.tentative) .words"


def of_operator(key: str) -> list[Json]:
    return [{"click": "#operator summary"}, {"fill": ["#key", key]}, {"press": "Enter"}]


def write(text: str) -> list[Json]:
    return [{"fill": ["#words", text]}, {"press": "Enter"}]


def test_a_spoken_question_and_its_latency(house: House, browser: Browser) -> None:
    agent_id = house.create(agent(f"{HOURS} {ADDRESS}", GREETING))
    visit = browser.visit(
        {"open": f"{house.url}/talk/{agent_id}"},
        {"axe": True},
        *of_operator(KEY),
        {"click": "#speak"},
        SPEAKING,
        {"read": "document.activeElement.id"},
        until(".tentative:not(:empty)"),
        until(AGENT, 2),
        SPEAKING,
        {"wait": "document.querySelector('#talk').dataset.mode === 'listening'"},
        {"axe": True},
        {"click": "#mute"},
        {"read": "document.querySelector('#mode').textContent"},
        until("#latencies tbody tr"),  # while the conversation goes on
        {"click": "#end"},
        OVER,
        until("#latencies tbody tr"),
        {"axe": True},
        texts(AGENT),
        texts(USER),
        texts("#latencies tbody tr:last-child > *"),
        texts(".figures"),
        microphone=asking(after_s=4.5),
    )
    visit.was_clean()
    focused, muted, by_agent, by_user, latency, figures = visit.read
    assert (focused, muted) == ("mute", "Your microphone is off.")
    record = house.newest_of(agent_id)
    assert by_user  # in which words is up to the transcriber, which may amend them afterwards
    assert list(filter(None, by_agent)) == said(record, "agent")
    measured = record["transcript"][-1]["conversation_turn_metrics"]["metrics"]
    seconds = measured["convai_ttf_audio_since_silence"]["elapsed_time"]
    assert latency[:2] == [by_agent[-1], f"{seconds:.2f}"]
    assert figures[-1].startswith(f"response {seconds:.2f} s · turn end ")
    heard_in_record(house, record["conversation_id"])


def test_a_reply_that_is_interrupted_shows_what_was_heard(house: House, browser: Browser) -> None:
    agent_id = house.create(agent(HOURS, STORY))
    visit = browser.visit(
        {"open": f"{house.url}/talk/{agent_id}"},
        {"click": "#speak"},
        {"click": "#mute"},
        SPEAKING,
        {"wait": "(window.since ??= performance.now()) < performance.now() - 2500"},
        *write("When are you open?"),
        until(".agent-said small"),
        until(AGENT, 2),
        {"axe": True},
        texts(AGENT),
        texts(".agent-said small"),
        {"click": "#end"},
        OVER,
        context={"reducedMotion": "reduce"},
    )
    visit.was_clean()
    (story, answer), notes = visit.read
    assert (answer, notes) == (HOURS, ["interrupted"])
    assert len(story) < len(STORY)
    # a page shows no space at the end of a line
    assert said(house.newest_of(agent_id), "agent")[0].rstrip() == story.rstrip()


def test_on_a_phone_in_writing_by_keyboard(house: House, browser: Browser) -> None:
    agent_id = house.create(agent(HOURS, "Hello {{name}}, your table {{table}} is ready."))
    variables = quote(base64.b64encode(b'{"name": "Nobody", "table": 7}').decode())
    fits = {"read": "document.documentElement.scrollWidth <= innerWidth"}
    wrong = "[...document.querySelectorAll('button')].filter((b) => b.checkVisibility()).map("
    wrong += "(b) => b.getBoundingClientRect()).filter((b) => b.width < 44 || b.height < 44 || "
    wrong += "b.right > innerWidth || b.bottom > innerHeight).length"
    visit = browser.visit(
        {"open": f"{house.url}/app/talk-to?agent_id={agent_id}&vars={variables}&var_name=Zo%C3%AB"},
        {"axe": True},
        fits,
        {"read": wrong},
        {"press": "Tab"},
        {"press": "Tab"},
        {"read": "document.activeElement.textContent"},
        {"press": "Enter"},
        LIVE,
        until(AGENT, 1),
        {"read": "document.activeElement.id"},
        *write("When are you open?"),
        until(AGENT, 2),
        {"wait": "!document.querySelector('[aria-busy]')"},
        {"axe": True},
        fits,
        {"read": wrong},
        texts(AGENT),
        texts(USER),
        {"press": "Tab"},
        {"press": "Tab"},
        {"press": "Enter"},
        OVER,
        {"read": "document.activeElement.id"},
        {"axe": True},
        {"press": "Enter"},
        until("#speak"),
        context={**PHONE, "colorScheme": "dark"},
    )
    visit.was_clean()
    assert visit.read == [
        True,
        0,
        "Write instead",
        "words",
        True,
        0,
        ["Hello Zoë, your table 7 is ready.", HOURS],
        ["When are you open?"],
        "again",
    ]
    record = house.newest_of(agent_id)
    assert record["metadata"]["text_only"]
    assert record["status"] == "done"


@pytest.mark.parametrize("in_writing", [True, False])
def test_without_a_microphone_it_goes_on_in_writing(
    house: House, browser: Browser, *, in_writing: bool
) -> None:
    settings: Json = {} if in_writing else {"overrides": {}}
    agent_id = house.create(agent(HOURS, GREETING, settings=settings))  # permits writing, or not
    visit = browser.visit(
        {"open": f"{house.url}/talk/{agent_id}"},
        {"click": "#speak"},
        LIVE,
        *([] if in_writing else [SPEAKING]),
        until(AGENT, 1),
        {"wait": "document.querySelector('#talk').dataset.mode === 'writing'"},
        *write("When are you open?"),
        until(AGENT, 2),
        texts(".aside"),
        texts(AGENT),
        {"read": "document.querySelector('#mute').checkVisibility()"},
        {"click": "#end"},
        OVER,
        microphone=None,
    )
    visit.was_clean()
    refusal = "The browser was not allowed to use the microphone. You can go on in writing."
    assert visit.read == [[refusal], [GREETING, HOURS], False]
    assert house.newest_of(agent_id)["metadata"]["text_only"] is in_writing


def test_a_private_agent_asks_for_a_key_or_a_signed_url(house: House, browser: Browser) -> None:
    settings: Json = {"auth": {"enable_auth": True, "shareable_token": "come-in"}}
    agent_id = house.create(agent(HOURS, GREETING, settings=settings))
    page = f"{house.url}/talk/{agent_id}"
    path = "/v1/convai/conversation/get-signed-url"
    signed = house.ask(path, agent_id=agent_id)["signed_url"]
    other = house.ask(path, agent_id=house.sample_agent())["signed_url"]
    signature = signed.partition("conversation_signature=")[2]
    refusals: list[Json] = []
    for secret in (other, f"{signed}x", "sk_wrong"):
        refusals += [{"fill": ["#secret", secret]}, {"press": "Enter"}, until(".notice.alarm")]
        refusals += [texts("#notice"), until("#door")]
    talk = [{"click": "#write"}, until(AGENT, 1), texts(AGENT), {"click": "#end"}, OVER]
    stored = "[Object.values(sessionStorage), Object.values(localStorage), document.cookie]"
    visit = browser.visit(
        {"open": page},
        until("#door"),
        {"axe": True},
        texts("h1"),
        *refusals,
        {"read": stored},
        {"fill": ["#secret", signed]},
        {"press": "Enter"},
        until("#write"),
        *talk,
        {"reload": True},
        {"fill": ["#secret", KEY]},
        {"press": "Enter"},
        until("#write"),
        texts("h1"),
        *talk,
        {"read": stored},
        {"open": f"{page}?conversation_signature={signature}"},
        *talk,
        {"open": f"{page}?token=come-in"},
        *talk,
    )
    assert (visit.outside, visit.violations) == ([], [])
    assert all("401" in line for line in visit.console), visit.console
    assert visit.read == [
        ["A private agent"],
        ["This is no signed URL of this agent."],
        ["This signed URL does not open the agent, or no longer."],
        ["The server does not know this key."],
        [[], [], ""],
        [GREETING],
        ["acceptance"],
        [GREETING],
        [[KEY], [], ""],
        [GREETING],
        [GREETING],
    ]


def test_a_client_tool_is_refused_in_public(house: House, browser: Browser) -> None:
    tool = client_tool("show_map", "Shows the map.")
    agent_id = house.create(agent(HOURS, GREETING, tools=[tool]))
    visit = browser.visit(
        {"open": f"{house.url}/talk/{agent_id}"},
        {"click": "#write"},
        until(AGENT, 1),
        *write("show me the map"),
        until(".aside"),
        until(AGENT, 2),
        texts(".aside"),
        {"click": "#end"},
        OVER,
    )
    visit.was_clean()
    assert visit.read == [["The agent asked this page for “show_map”, which it cannot do."]]
    transcript = house.newest_of(agent_id)["transcript"]
    [result] = [each for turn in transcript for each in turn["tool_results"]]
    assert (result["tool_name"], result["is_error"]) == ("show_map", True)


def test_a_conversation_that_cannot_begin_says_why(house: House, browser: Browser) -> None:
    agent_id = house.create(agent(HOURS, "Hello {{name}}!"))
    visit = browser.visit(
        {"open": f"{house.url}/talk/{agent_id}?vars=broken"},
        {"click": "#write"},
        OVER,
        {"axe": True},
        texts("#notice"),
        texts(".aside"),
        {"open": f"{house.url}/talk/agent_nobody"},
        {"axe": True},
        texts("h1"),
        {"open": house.url},
        {"axe": True},
        texts("li a"),
    )
    assert [line for line in visit.console if "404" not in line] == []
    assert (visit.outside, visit.violations) == ([], [])
    [reason], [unreadable], unknown, links = visit.read
    assert "name" in reason
    assert unreadable.startswith("The variables in this link (vars) cannot be read")
    assert unknown == ["There is no such agent"]
    assert any(link.startswith("Talk to Luigi's pizzeria") for link in links)


def test_the_snippet_of_the_how_to_page(house: House, browser: Browser) -> None:
    page = (HOW_TO / "talk-page.md").read_text(encoding="utf-8")
    [snippet] = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    agent_id = house.create(agent(HOURS, "Hello {{name}}, you have the {{plan}} plan."))
    snippet = snippet.replace("http://127.0.0.1:8017", house.url).replace("agent_…", agent_id)
    made: Json = {}
    exec(snippet, made)  # noqa: S102 - our own page
    [greeting] = re.findall(r"“(Hello [^”]*)”", page)
    visit = browser.visit(
        {"open": made["link"]}, {"click": "#write"}, until(AGENT, 1), texts(AGENT)
    )
    visit.was_clean()
    assert visit.read == [[greeting.replace("\n", " ")]]
