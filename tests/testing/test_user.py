from turnwise.testing.ear import Ear
from turnwise.testing.moves import (
    Backchannel,
    BargeIn,
    Cough,
    Deed,
    HangUp,
    Move,
    Say,
    Spell,
    Wait,
    Write,
)
from turnwise.testing.user import BREATH_MS, UNFINISHED_MS, User
from turnwise.turns.events import ReplyId

ONE, TWO = ReplyId(1), ReplyId(2)


def answered(user: User) -> tuple[Ear, Deed]:
    """Let a user take the first turn and hear a reply of 3 s that begins 1 s after it."""
    ear = Ear(playout_ms=0)
    at = user.due(ear, agent_done=True)
    assert at is not None
    deed = user.act(at, ear)
    assert isinstance(deed, Deed)
    ear.play(ONE, 3_000, deed.end + 1_000)
    return ear, deed


def test_a_user_who_speaks_first_begins_soon() -> None:
    assert User([Say("hi")]).due(Ear(playout_ms=0), agent_done=True) == BREATH_MS


def test_a_user_who_is_greeted_listens_first() -> None:
    user, ear = User([Say("hi", reaction_ms=500)], listens_first=True), Ear(playout_ms=0)
    assert user.due(ear, agent_done=True) == 8_000
    ear.play(ONE, 1_000, 50)
    assert user.due(ear, agent_done=True) == 1_050 + 500


def test_a_user_waits_for_the_reply_and_its_end() -> None:
    user = User([Say("hi"), Say("bye", reaction_ms=250)])
    ear, deed = answered(user)
    assert user.due(ear, agent_done=True) == deed.end + 4_000 + 250


def test_a_user_waits_longer_if_the_agent_sounds_as_if_it_went_on() -> None:
    user = User([Say("hi"), Say("bye")])
    ear, deed = answered(user)
    assert user.due(ear, agent_done=False) == deed.end + 4_000 + UNFINISHED_MS


def test_a_user_who_gets_no_reply_goes_on_in_the_end() -> None:
    user, ear = User([Say("hi"), Say("hello?")], patience_ms=6_000), Ear(playout_ms=0)
    deed = user.act(0, ear)
    assert isinstance(deed, Deed)
    assert user.due(ear, agent_done=True) == deed.end + 6_000


def test_a_sound_that_began_before_the_turn_was_over_is_no_reply_to_it() -> None:
    user, ear = User([Say("hi there"), Say("bye")]), Ear(playout_ms=0)
    deed = user.act(0, ear)
    assert isinstance(deed, Deed)
    ear.play(ONE, 2_000, deed.end - 1)
    assert user.due(ear, agent_done=True) == deed.end + 8_000


def test_a_user_waits_while_the_agent_holds_its_sound() -> None:
    user = User([Say("hi"), Say("bye")])
    ear, deed = answered(user)
    ear.pause(ONE, deed.end + 2_000)
    assert user.due(ear, agent_done=False) == deed.end + 2_000 + 8_000


def test_a_barge_in_comes_so_long_after_the_first_sound() -> None:
    user = User([Say("hi"), BargeIn("stop", after_ms=700)])
    ear, deed = answered(user)
    at = user.due(ear, agent_done=False)
    assert at == deed.end + 1_000 + 700
    assert isinstance(user.act(at, ear), Deed)
    assert user.in_turn(at)


def test_speaking_over_a_reply_that_is_too_short_is_left_out() -> None:
    user = User([Say("hi"), Backchannel(after_ms=5_000), Say("bye")])
    ear, deed = answered(user)
    at = user.due(ear, agent_done=True)
    assert at == deed.end + 4_000
    assert user.act(at, ear) is None
    assert len(user.deeds) == 1


def test_a_second_noise_takes_a_breath_first() -> None:
    user = User([Say("hi"), Cough(200, after_ms=500), Cough(200, after_ms=500)])
    ear, deed = answered(user)
    first = user.act(deed.end + 1_500, ear)
    assert isinstance(first, Deed)
    assert user.due(ear, agent_done=False) == first.end + BREATH_MS


def test_speaking_over_a_reply_that_never_comes_is_given_up() -> None:
    user, ear = User([Say("hi"), BargeIn("stop"), Say("bye")]), Ear(playout_ms=0)
    deed = user.act(0, ear)
    assert isinstance(deed, Deed)
    assert user.due(ear, agent_done=True) == deed.end + 8_000
    assert user.act(deed.end + 8_000, ear) is None


def test_an_early_cough_waits_for_nobody() -> None:
    user, ear = User([Say("hi"), Cough(200, after_ms=None)]), Ear(playout_ms=0)
    deed = user.act(0, ear)
    assert isinstance(deed, Deed)
    assert user.due(ear, agent_done=True) == deed.end + BREATH_MS
    assert isinstance(user.act(deed.end + BREATH_MS, ear), Deed)


def test_waiting_takes_its_time_whatever_the_agent_does() -> None:
    user = User([Say("hi"), Wait(9_000)])
    ear, deed = answered(user)
    assert user.due(ear, agent_done=True) == deed.end + 9_000
    assert user.act(deed.end + 9_000, ear) is None


def test_a_script_ends_with_hanging_up_said_or_not() -> None:
    for user in (User([]), User([HangUp()])):
        ear = Ear(playout_ms=0)
        assert isinstance(user.act(0, ear), HangUp)
        assert user.due(ear, agent_done=True) is None


def test_nothing_is_done_after_hanging_up() -> None:
    user, ear = User([HangUp(), Say("hi"), HangUp()]), Ear(playout_ms=0)
    user.act(0, ear)
    assert user.due(ear, agent_done=True) is None


def test_without_sound_a_user_types_and_makes_no_noise() -> None:
    noises: list[Move] = [Cough(), Backchannel()]
    script = [Say("a"), *noises, Spell("b c"), BargeIn("d"), Write("e"), Wait(5)]
    user, ear = User(script, text_only=True), Ear(playout_ms=0)
    for at in range(0, 50_000, 10_000):
        user.act(at, ear)
    assert [deed.move for deed in user.deeds] == [
        Write("a"),
        Write("b c"),
        Write("d"),
        Write("e"),
    ]


def test_a_user_knows_the_true_end_of_a_turn() -> None:
    user, ear = User([Say("one two", pauses=((1, 500),)), Cough(after_ms=None)]), Ear(playout_ms=0)
    assert not user.in_turn(0)
    deed = user.act(0, ear)
    assert isinstance(deed, Deed)
    assert user.in_turn(deed.spans[0].end + 100)
    assert not user.in_turn(deed.end)
