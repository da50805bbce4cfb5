import pytest

from turnwise.testing.load.playing import LATE_S, Playing

Piece = tuple[int, float, float]
"""Reply, length and when it came, in seconds."""


@pytest.mark.parametrize(
    ("pieces", "holes"),
    [
        ([(1, 0.4, 0.0), (1, 0.1, 0.1), (1, 0.1, 0.5)], [0, 0, 0]),
        ([(1, 0.1, 0.0), (1, 0.1, 0.1 + LATE_S / 2)], [0, 0]),
        ([(1, 0.1, 0.0), (1, 0.1, 0.3), (1, 0.1, 0.35)], [0, 0.2, 0]),
        ([(1, 0.1, 0.0), (2, 0.1, 9.0)], [0, 0]),
        ([(1, 0.1, 0.0), (2, 0.1, 9.0), (2, 0.1, 10.1)], [0, 0, 1.0]),
    ],
    ids=["in time", "as late as a timer", "late", "another reply", "late in another reply"],
)
def test_a_hole_is_what_the_user_hears(pieces: list[Piece], holes: list[float]) -> None:
    playing = Playing()
    assert [playing.take(*piece) for piece in pieces] == pytest.approx(holes)


def test_what_was_not_heard_is_thrown_away() -> None:
    playing = Playing()
    playing.take(1, 2.0, 0.0)
    playing.stop(0.5)
    assert playing.ends_at == 0.5
    playing.stop(0.7)
    assert playing.ends_at == 0.5


def test_a_reply_begins_to_be_heard_when_the_one_before_is_over() -> None:
    playing = Playing()
    playing.take(1, 2.0, 1.0)
    playing.take(2, 1.0, 1.5)
    assert (playing.begun_at, playing.ends_at) == (3.0, 4.0)
