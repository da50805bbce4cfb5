from io import StringIO

import pytest
from rich.console import Console

from turnwise.cli.talk_display import Display, Standing


@pytest.fixture
def screen() -> Console:
    return Console(file=StringIO(), force_terminal=True, width=80, color_system=None)


def shown(screen: Console) -> str:
    assert isinstance(screen.file, StringIO)
    return screen.file.getvalue()


def test_a_terminal_shows_who_speaks_and_how_fast_the_answer_was(screen: Console) -> None:
    standing = Standing(screen)
    standing.start()
    standing.user_speaks, standing.tentative = True, "where are"
    standing.latency_s, standing.interruptions = 0.456, 2
    standing.stop()
    for words in ("you speak", "where are", "last answer after 0.46 s", "interruptions: 2"):
        assert words in shown(screen)


def test_a_terminal_shows_that_the_agent_is_heard(screen: Console) -> None:
    standing = Standing(screen)
    standing.agent_is_heard = lambda: True
    standing.start()
    standing.stop()
    assert "the agent speaks" in shown(screen)


def test_words_come_as_they_are_written(capsys: pytest.CaptureFixture[str]) -> None:
    display = Display()
    display.answered(0.5)
    display.agent_writes("One ")
    assert capsys.readouterr().out == "agent: One "
    display.agent_writes("[two].")
    display.agent_said("One [two].")
    display.agent_finished()
    assert capsys.readouterr().out == "[two].\n       (after 0.50 s)\n"


def test_what_happens_in_the_middle_of_a_line_begins_a_new_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    display = Display(typing=True)
    display.prompt()
    display.agent_writes("Hello?")
    display.tool("look")
    display.prompt()
    display.user_wrote("typed, and so on the screen already")
    display.agent_said("Yes.")
    assert capsys.readouterr().out == (
        "you:   \nagent: Hello?\n       (used the tool look)\nyou:   agent: Yes.\n"
    )
