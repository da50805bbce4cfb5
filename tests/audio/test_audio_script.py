import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnwise.audio.alignment import Alignment
from turnwise.audio.script import Passage, Script, open_mark, voices_in


def spoken(*pieces: str, labels: tuple[str, ...] = (), reads_tags: bool = False) -> list[str]:
    script = Script(labels, reads_tags=reads_tags)
    return [
        f"{each.label}: {each.said}".removeprefix(": ")
        for piece in pieces
        for each in script.passages(piece)
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Hello there.", "Hello there."),
        ("[laughs] That is good.", " That is good."),
        ("That [very happy] is good.", "That  is good."),
        ("[lacht] Schön!", " Schön!"),
        ("It costs [5] euros, see [here](https://x).", None),
        ("Wait <break time='1.5s' /> for it.", "Wait  for it."),
        ("<b>Bold</b>", "Bold"),
        ("a < b and c > d, a<b", None),
        ("[laughs]", ""),
    ],
)
def test_marks_are_not_said(text: str, said: str | None) -> None:
    assert "".join(each.said for each in Script().passages(text)) == (
        text if said is None else said
    )


def test_a_voice_that_reads_tags_is_given_them_and_no_labels() -> None:
    text = "[laughs] Wait <break time='1s'/> for <Joe>me</Joe>."
    assert spoken(text, labels=("Joe",), reads_tags=True) == [
        "[laughs] Wait <break time='1s'/> for ",
        "Joe: me",
        ".",
    ]


def test_each_label_has_its_own_passage() -> None:
    assert spoken("It was late. <Joe>Who is there?</Joe> Nobody. ", labels=("Joe",)) == [
        "It was late. ",
        "Joe: Who is there?",
        " Nobody. ",
    ]


def test_a_label_holds_over_pieces_until_it_is_closed() -> None:
    pieces = ("<Joe>Good evening. ", "Who is there?</Joe> ", "Nobody.")
    assert spoken(*pieces, labels=("Joe",)) == [
        "Joe: Good evening. ",
        "Joe: Who is there? ",
        "Nobody.",
    ]


def test_labels_are_exact_and_do_not_nest() -> None:
    labels = ("Joe", "Old Man")
    assert spoken("<joe>A</joe>", labels=labels) == ["A"]
    assert spoken("<Stranger in town>A</Stranger in town>", labels=labels) == ["A"]
    assert spoken("<Joe>A<Old Man>B</Old Man>C</Joe>D", labels=labels) == [
        "Joe: A",
        "Old Man: B",
        "CD",
    ]


@pytest.mark.parametrize(
    ("text", "at"),
    [("Hello <Jo", 6), ("Hello [lau", 6), ("Hello <", 6), ("Hello", None), ("a < b", None),
     ("<Joe>Hi", None), ("[laughs] Hi", None), ("<Old M", 0)],
)  # fmt: skip
def test_a_mark_that_is_not_complete_is_found(text: str, at: int | None) -> None:
    assert open_mark(text) == at


def test_marks_take_no_time() -> None:
    [passage] = Script().passages("[a]Hi[b]!")
    assert passage == Passage("", "Hi!", ((0, "[a]"), (2, "[b]")))
    restored = passage.restored(Alignment.estimate("Hi!", 300), 0)
    assert restored.text == "[a]Hi[b]!"
    assert restored.starts_ms == (0, 0, 0, 0, 100, 200, 200, 200, 200)
    assert restored.estimated


@pytest.mark.parametrize(
    ("text", "voices"),
    [
        ("Hello.", []),
        ("<Ann>Hi.</Ann>", []),
        (
            "Late. <Joe>[whispers] Who?</Joe> <Ann>I.</Ann>",
            [("", "Late."), ("Joe", "[whispers] Who?"), ("", "I.")],
        ),
    ],
)
def test_the_voices_of_a_text_are_found(text: str, voices: list[tuple[str, str]]) -> None:
    assert list(voices_in(text, ("Joe",))) == voices


TEXTS = st.lists(
    st.sampled_from(["Hi. ", "[laughs]", "<Joe>", "</Joe>", "<Ann>", "how ", "a<b", "[1]", "<b>"]),
    max_size=12,
).map("".join)


@given(
    text=TEXTS, labels=st.sampled_from([(), ("Joe",)]), reads=st.booleans(), cut=st.integers(1, 9)
)
def test_the_passages_together_are_the_text(
    text: str, labels: tuple[str, ...], reads: object, cut: int
) -> None:
    written = ""
    for passage in Script(labels, reads_tags=bool(reads)).passages(text):
        first = 0
        while first < len(passage.said) or first == 0:  # as a voice tells them, piece by piece
            part = passage.said[first : first + cut]
            restored = passage.restored(Alignment.estimate(part, 10 * len(part)), first)
            written += restored.text
            first += max(1, len(part))
        assert passage.chars >= len(passage.said)
    assert written == text
