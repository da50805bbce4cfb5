"""Reading a workspace: pages, patience, and what is told where it cannot be read."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx2
import pytest

from turnwise.base.errors import ConfigError
from turnwise.moving.source import BUSY_S, LONGEST_WAIT_S, PAUSES_S, Source, SourceError, SourceLost

pytestmark = pytest.mark.anyio

Answer = httpx2.Response | httpx2.HTTPError


class Scripted:
    """A source that gives these answers, one after the other; the last one again and again."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.asked: list[httpx2.Request] = []
        self.slept: list[float] = []

    def source(self) -> Source:
        async def sleep(seconds: float) -> None:
            self.slept.append(seconds)

        return Source(
            "https://a.test/", "sk_1", transport=httpx2.MockTransport(self._answer), sleep=sleep
        )

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, httpx2.Response):
            return answer
        raise answer


def ok(body: Any) -> httpx2.Response:  # noqa: ANN401
    return httpx2.Response(200, json=body)


def wrong(code: int, message: str = "No.", **more: str) -> httpx2.Response:
    return httpx2.Response(code, json={"detail": {"message": message, **more}})


def busy(after: str | None = None) -> httpx2.Response:
    return httpx2.Response(429, headers={} if after is None else {"retry-after": after})


@pytest.mark.parametrize(
    ("first", "pauses"),
    [
        ([busy("3")], [3.0]),
        ([busy("99999")], [LONGEST_WAIT_S]),
        ([busy("soon")], [BUSY_S[0]]),
        ([busy(), busy(), busy()], list(BUSY_S[:3])),
        ([wrong(500)], [PAUSES_S[0]]),
        ([wrong(503), wrong(502), wrong(500)], list(PAUSES_S)),
        ([httpx2.ReadTimeout("late"), httpx2.ConnectError("no")], list(PAUSES_S[:2])),
        ([wrong(500), busy("2"), wrong(500)], [PAUSES_S[0], 2.0, PAUSES_S[1]]),
    ],
)
async def test_what_passes_is_asked_again_after_a_pause(
    first: list[Answer], pauses: list[float]
) -> None:
    script = Scripted(*first, ok({"a": 1}))
    assert await script.source().ask("/x", {"q": "1"}) == {"a": 1}
    assert script.slept == pauses
    assert {str(each.url) for each in script.asked} == {"https://a.test/x?q=1"}
    assert {each.headers["xi-api-key"] for each in script.asked} == {"sk_1"}


async def test_a_date_says_how_long_to_wait() -> None:
    until = format_datetime(datetime.now(UTC) + timedelta(seconds=40), usegmt=True)
    script = Scripted(busy(until), ok({}))
    await script.source().ask("/x")
    assert 35 < script.slept[0] <= 40


@pytest.mark.parametrize(
    ("answer", "reason", "status", "attempts"),
    [
        (wrong(500, "Broken."), "it answered 500: Broken.", 500, 1 + len(PAUSES_S)),
        (busy(), "it answered 429", 429, 1 + len(BUSY_S)),
        (wrong(501, "Not yet."), "Not yet.", 501, 1),
        (wrong(404, "Gone."), "it answered 404: Gone.", 404, 1),
        (httpx2.Response(403, text="<html>"), "it answered 403: Forbidden", 403, 1),
        (
            httpx2.Response(422, json={"detail": [{"msg": "too long"}, {"msg": "odd"}]}),
            "it answered 422: too long; odd",
            422,
            1,
        ),
        (httpx2.Response(302, headers={"location": "https://b.test"}), "302", 302, 1),
        (httpx2.Response(200, text="<html>"), "no JSON", None, 1),
        (ok([1]), "no JSON object", None, 1),
        (httpx2.ReadTimeout("late"), "no answer within 60 s", None, 1 + len(PAUSES_S)),
    ],
)
async def test_what_does_not_pass_is_an_error_that_says_why(
    answer: Answer, reason: str, status: int | None, attempts: int
) -> None:
    script = Scripted(answer)
    with pytest.raises(SourceError, match=reason) as caught:
        await script.source().ask("/x")
    assert not isinstance(caught.value, SourceLost)
    assert caught.value.status == status
    assert len(script.asked) == attempts


async def test_a_source_without_connection_is_lost() -> None:
    with pytest.raises(SourceLost, match="no connection"):
        await Scripted(httpx2.ConnectError("no")).source().ask("/x")


async def rows(script: Scripted, key: str = "things") -> list[Any]:
    return [row async for row in script.source().rows("/x", key, {"page_size": 2})]


async def test_a_list_is_read_page_by_page() -> None:
    script = Scripted(
        ok({"things": [{"id": "1"}], "next_cursor": "c", "has_more": True}),
        ok({"things": [{"id": "2"}], "next_cursor": "d"}),
        ok({"things": [], "next_cursor": "e", "has_more": False}),
    )
    assert await rows(script) == [{"id": "1"}, {"id": "2"}]
    assert [each.url.params.get("cursor") for each in script.asked] == [None, "c", "d"]
    assert {each.url.params["page_size"] for each in script.asked} == {"2"}


async def test_an_array_is_a_list_as_well() -> None:
    assert await rows(Scripted(ok([{"id": "1"}])), key="") == [{"id": "1"}]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"things": [{}], "next_cursor": "c"}, "comes to no end"),
        ({"others": []}, "no list 'things'"),
        ({"things": ["a"]}, "no list 'things'"),
        ({"things": None}, "no list 'things'"),
    ],
)
async def test_a_list_that_is_none_is_an_error(body: Any, reason: str) -> None:  # noqa: ANN401
    with pytest.raises(SourceError, match=reason):
        await rows(Scripted(ok(body)))


async def test_a_signed_url_is_followed_without_the_key() -> None:
    moved = httpx2.Response(302, headers={"location": "https://c.test/f?s=1"})
    file = httpx2.Response(200, content=b"file", headers={"content-type": "text/plain"})
    script = Scripted(moved, file)
    found = await script.source().download("https://b.test/f?signature=s%2B")
    assert found == (b"file", "text/plain")
    assert [str(each.url) for each in script.asked] == [
        "https://b.test/f?signature=s%2B",
        "https://c.test/f?s=1",
    ]
    assert not any("xi-api-key" in each.headers for each in script.asked)
    with pytest.raises(SourceError, match="no URL to download"):
        await script.source().download("None")


async def test_sound_is_asked_for_as_wav() -> None:
    script = Scripted(httpx2.Response(200, content=b"RIFF"))
    assert await script.source().content("/x/audio", accept="audio/wav") == b"RIFF"
    assert script.asked[0].headers["accept"] == "audio/wav"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (wrong(401, "Invalid API key", status="invalid_api_key"), "does not take the key: .*Inv"),
        (wrong(403, "Not you."), "does not take the key"),
        (httpx2.Response(200, text="<html>hello</html>"), "does not speak the API"),
        (httpx2.Response(404, text="nothing"), "does not speak the API"),
        (httpx2.ConnectError("no"), "https://a.test cannot be read: there is no connection"),
        (wrong(500), "cannot be read: it answered 500"),
    ],
)
async def test_a_source_that_cannot_be_read_at_all_is_the_operators_mistake(
    answer: Answer, reason: str
) -> None:
    with pytest.raises(ConfigError, match=reason) as caught:
        await Scripted(answer).source().check()
    assert "sk_1" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "answer", [ok({"agents": []}), wrong(401, "Not this.", status="missing_permissions")]
)
async def test_a_key_that_may_read_something_will_do(answer: Answer) -> None:
    await Scripted(answer).source().check()


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: Source("api.elevenlabs.io", "sk"), "begins with https"),
        (lambda: Source("https://a.test:port", "sk"), "no URL of a server"),
        (lambda: Source("https://a.test", "sk\n"), "no key has"),
        (lambda: Source("https://a.test", "sk\N{EN DASH}1"), "no key has"),
    ],
)
def test_a_bad_url_or_key_is_told_at_once(make: Callable[[], Source], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason) as caught:
        make()
    assert "sk" not in str(caught.value).replace("asked", "")
