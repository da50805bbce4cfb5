from turnwise.testing.ear import Ear, Heard
from turnwise.turns.events import ReplyId

ONE, TWO = ReplyId(1), ReplyId(2)


def test_a_sound_is_heard_after_its_way() -> None:
    ear = Ear(playout_ms=50)
    ear.play(ONE, 1_000, 100)
    assert ear.heard == [Heard(ONE, 150, 1_150)]
    assert ear.firsts == {ONE: 150}
    assert not ear.audible(149)
    assert ear.audible(150)
    assert not ear.audible(1_150)


def test_sounds_queue_behind_each_other() -> None:
    ear = Ear(playout_ms=0)
    ear.play(ONE, 1_000, 100)
    ear.play(ONE, 500, 200)
    ear.play(TWO, 300, 300)
    assert ear.heard == [Heard(ONE, 100, 1_600), Heard(TWO, 1_600, 1_900)]
    assert ear.quiet_from == 1_900


def test_a_break_between_sounds_is_silence() -> None:
    ear = Ear(playout_ms=0)
    ear.play(ONE, 100, 0)
    ear.play(ONE, 100, 500)
    assert ear.heard == [Heard(ONE, 0, 100), Heard(ONE, 500, 600)]
    assert ear.last_first == 0


def test_a_pause_keeps_what_was_not_heard() -> None:
    ear = Ear(playout_ms=50)
    ear.play(ONE, 1_000, 0)
    ear.pause(ONE, 450)
    ear.play(ONE, 200, 500)
    assert ear.paused_at == 450
    assert not ear.audible(500)
    ear.resume(2_000)
    assert ear.heard == [Heard(ONE, 50, 450), Heard(ONE, 2_050, 2_850)]
    assert ear.paused_at is None


def test_a_pause_before_the_first_sound_unmakes_it() -> None:
    ear = Ear(playout_ms=50)
    ear.play(ONE, 1_000, 0)
    ear.pause(ONE, 20)
    assert (ear.heard, ear.firsts) == ([], {})
    ear.resume(100)
    assert ear.firsts == {ONE: 150}


def test_a_pause_without_sound_holds_what_comes() -> None:
    ear = Ear(playout_ms=0)
    ear.pause(ONE, 10)
    ear.resume(20)
    assert ear.heard == []
    ear.pause(ONE, 30)
    ear.play(ONE, 100, 40)
    ear.resume(50)
    assert ear.heard == [Heard(ONE, 50, 150)]


def test_a_dropped_reply_is_not_heard_any_more() -> None:
    ear = Ear(playout_ms=0)
    ear.play(ONE, 1_000, 0)
    ear.stop(ONE, 400)
    assert ear.heard == [Heard(ONE, 0, 400)]
    ear.play(TWO, 100, 500)
    ear.stop(ONE, 550)
    assert ear.heard[-1] == Heard(TWO, 500, 600)


def test_what_is_held_is_dropped_too() -> None:
    ear = Ear(playout_ms=0)
    ear.play(ONE, 1_000, 0)
    ear.pause(ONE, 400)
    ear.stop(ONE, 500)
    ear.resume(600)
    assert ear.quiet_from == 400


def test_nothing_was_heard_at_first() -> None:
    ear = Ear(playout_ms=0)
    assert (ear.quiet_from, ear.last_first, ear.audible(0)) == (0, None, False)
