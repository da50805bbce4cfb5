from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turnwise.audio.pcm import Pcm
from turnwise.audio.playout import Chunk, Playout
from turnwise.base.errors import ConfigError
from turnwise.base.units import Hertz, Millis, Samples

RATE = Hertz(8000)
MS = 8  # samples in a millisecond
LEAD_CHUNK = [(400, 100), (400, 250), (300, 150), (480, 100), (50, 5), (40, 39)]

Step = tuple[str, int]
steps = st.lists(
    st.one_of(
        st.tuples(st.just("queue"), st.integers(0, 6000)),
        st.tuples(st.just("wait"), st.integers(0, 900)),
        st.tuples(st.sampled_from(["pause", "resume", "drop"]), st.just(0)),
    ),
    max_size=30,
)


@dataclass
class Client:
    """Plays what it gets, in real time: a second account of what `Playout` computes."""

    sounds: list[int] = field(default_factory=list)
    """Every sample that it was sent and has not thrown away."""

    ends_at: int = 0
    """When it has played all of them, in samples of time."""

    def get(self, chunk: Chunk, now: int) -> None:
        self.sounds += chunk.samples.tolist()
        self.ends_at = max(self.ends_at, now * MS) + len(chunk.samples)

    def ahead(self, now: int) -> int:
        return max(0, self.ends_at - now * MS)

    def heard(self, now: int) -> int:
        return len(self.sounds) - self.ahead(now)

    def throw_away(self, now: int) -> None:
        del self.sounds[self.heard(now) :]
        self.ends_at = now * MS


@dataclass
class Rig:
    """A playout that is asked whenever it is due, and the client behind it."""

    playout: Playout
    lead_ms: int = 400
    client: Client = field(default_factory=Client)
    now: int = 0
    queued: list[int] = field(default_factory=list)
    """What the client must have heard in the end."""
    sent_at: list[int] = field(default_factory=list)
    serial: int = 0

    def send(self) -> None:
        for chunk in self.playout.due(Millis(self.now)):
            assert chunk.position == len(self.client.sounds)
            assert len(chunk.samples) > 0
            self.client.get(chunk, self.now)
            self.sent_at.append(self.now)
        assert self.client.ahead(self.now) <= self.lead_ms * MS
        assert len(self.playout._unheard) <= self.lead_ms * MS, "heard sound is not kept"

    def wait(self, ms: int) -> None:
        until = self.now + ms
        while (due := self.playout.next_due()) is not None and max(due, self.now) <= until:
            self.now = max(due, self.now)
            before = len(self.sent_at)
            self.send()
            assert len(self.sent_at) > before, "it was not due when it said so"
        self.now = until
        assert not self.playout.due(Millis(self.now)), "it was due and did not say so"

    def sound(self, size: int) -> Pcm:
        values = np.arange(self.serial, self.serial + size) % 65536
        self.serial += size
        return values.astype(np.uint16).view(np.int16)

    def do(self, step: Step) -> None:
        match step:
            case ("queue", size):
                sound = self.sound(size)
                assert self.playout.queue(sound) == len(self.queued)
                self.queued += sound.tolist()
                self.wait(0)
            case ("wait", ms):
                self.wait(ms)
            case ("pause", _):
                self.playout.pause(Millis(self.now))
                self.client.throw_away(self.now)
            case ("drop", _):
                self.client.throw_away(self.now)
                heard = len(self.client.sounds)
                assert self.playout.drop(Millis(self.now)) == heard
                del self.queued[heard:]
                assert not self.playout._unheard
            case _:
                self.playout.resume()
        assert self.playout.heard(Millis(self.now)) == self.client.heard(self.now)


def chunk_ms(chunks: list[Chunk]) -> list[int]:
    return [len(chunk.samples) // MS for chunk in chunks]


def of_ms(ms: int) -> Pcm:
    return np.ones(ms * MS, dtype=np.int16)


@pytest.mark.parametrize(("lead_ms", "chunk_ms"), LEAD_CHUNK)
@given(steps=steps)
@settings(deadline=None)
def test_whatever_happens_the_ear_gets_all_sound_once_and_in_order(
    lead_ms: int, chunk_ms: int, steps: list[Step]
) -> None:
    rig = Rig(Playout(RATE, lead_ms=lead_ms, chunk_ms=chunk_ms), lead_ms)
    for step in steps:
        rig.do(step)
        assert rig.client.sounds == rig.queued[: len(rig.client.sounds)]
    rig.do(("resume", 0))
    rig.do(("wait", len(rig.queued) // MS + 1000))
    assert rig.client.sounds == rig.queued
    assert rig.playout.waiting == 0
    assert rig.playout.end == len(rig.queued)
    assert rig.playout.heard(Millis(rig.now)) == len(rig.queued)


@pytest.mark.parametrize(("lead_ms", "chunk_ms"), LEAD_CHUNK)
@given(sizes=st.lists(st.integers(1, 9000), min_size=1, max_size=20))
@settings(deadline=None)
def test_chunks_follow_each_other_in_less_than_400_ms(
    lead_ms: int, chunk_ms: int, sizes: list[int]
) -> None:
    rig = Rig(Playout(RATE, lead_ms=lead_ms, chunk_ms=chunk_ms), lead_ms)
    for size in sizes:
        rig.do(("queue", size))
    rig.wait(len(rig.queued) // MS + 1)
    assert rig.client.sounds == rig.queued
    assert all(after - before < 400 for before, after in pairwise(rig.sent_at))


@given(
    rate=st.sampled_from([8000, 16000, 22050, 24000, 44100, 48000]), size=st.integers(1, 150_000)
)
@settings(deadline=None)
def test_every_rate_is_paced_and_its_client_never_runs_dry(rate: int, size: int) -> None:
    playout = Playout(Hertz(rate))
    playout.queue(np.zeros(size, dtype=np.int16))
    sent, sent_at = 0, [0]
    while (due := playout.next_due()) is not None:
        sent += sum(len(chunk.samples) for chunk in playout.due(due))
        assert 0 <= sent - due * rate / 1000 <= 0.4 * rate + 1
        sent_at.append(due)
    assert sent == size
    assert all(after - before < 400 for before, after in pairwise(sent_at))
    total_ms = size * 1000 // rate
    assert playout.heard_ms(Millis(total_ms)) in {total_ms - 1, total_ms}
    assert playout.heard(Millis(total_ms + 1)) == size


def test_the_first_chunks_fill_the_lead_and_the_next_come_in_real_time() -> None:
    playout = Playout(RATE)
    playout.queue(of_ms(1000))
    assert chunk_ms(playout.due(Millis(0))) == [100, 100, 100, 100]
    assert playout.next_due() == 100
    assert playout.due(Millis(99)) == []
    assert chunk_ms(playout.due(Millis(100))) == [100]
    assert chunk_ms(playout.due(Millis(350))) == [100, 100]
    assert playout.waiting == 300 * MS


def test_the_first_sound_goes_out_at_once_however_short() -> None:
    playout = Playout(RATE)
    playout.queue(of_ms(10))
    assert chunk_ms(playout.due(Millis(70))) == [10]


def test_a_rest_waits_for_more_while_the_client_has_enough() -> None:
    playout = Playout(RATE)
    playout.queue(of_ms(330))
    assert chunk_ms(playout.due(Millis(0))) == [100, 100, 100]
    assert playout.next_due() == 200
    playout.queue(of_ms(70))
    assert playout.next_due() == 0
    assert chunk_ms(playout.due(Millis(1))) == [100]
    assert playout.next_due() is None


def test_what_is_heard_follows_real_time_and_stops_at_what_was_sent() -> None:
    playout = Playout(RATE)
    assert playout.heard_ms(Millis(50)) == 0
    playout.queue(of_ms(200))
    playout.due(Millis(100))
    assert [playout.heard_ms(Millis(at)) for at in (100, 250, 300, 900)] == [0, 150, 200, 200]


def test_the_clock_of_play_stands_while_there_is_no_sound() -> None:
    playout = Playout(RATE)
    playout.queue(of_ms(200))
    playout.due(Millis(0))
    playout.queue(of_ms(200))
    assert chunk_ms(playout.due(Millis(1000))) == [100, 100]
    assert playout.heard_ms(Millis(1000)) == 200
    assert playout.heard_ms(Millis(1050)) == 250


def test_after_a_pause_sound_goes_on_from_the_sample_where_it_stopped() -> None:
    rig = Rig(Playout(RATE))
    rig.do(("queue", 1000 * MS))
    rig.wait(255)
    rig.playout.pause(Millis(rig.now))
    assert rig.playout.next_due() is None
    assert rig.playout.due(Millis(5000)) == []
    assert rig.playout.heard_ms(Millis(5000)) == 255
    rig.playout.resume()
    first = rig.playout.due(Millis(5000))[0]
    assert first.position == 255 * MS
    assert first.samples.tolist() == rig.queued[255 * MS : 355 * MS]
    assert rig.playout.heard_ms(Millis(5010)) == 265


def test_a_second_pause_changes_nothing() -> None:
    playout = Playout(RATE)
    playout.queue(of_ms(500))
    playout.due(Millis(0))
    playout.pause(Millis(50))
    playout.pause(Millis(80))
    assert playout.paused
    assert playout.heard_ms(Millis(90)) == 50
    assert playout.waiting == 450 * MS


def test_nothing_is_sent_after_a_drop() -> None:
    playout = Playout(RATE)
    playout.queue(of_ms(1000))
    playout.due(Millis(0))
    assert playout.drop(Millis(120)) == 120 * MS
    assert playout.waiting == 0
    assert playout.next_due() is None
    assert playout.due(Millis(9000)) == []
    assert playout.heard_ms(Millis(9000)) == 120


def test_a_drop_ends_a_pause_and_the_next_sound_begins_where_the_ear_stopped() -> None:
    playout = Playout(RATE)
    playout.queue(of_ms(1000))
    playout.due(Millis(0))
    playout.pause(Millis(120))
    assert playout.drop(Millis(500)) == 120 * MS
    assert not playout.paused
    assert playout.queue(of_ms(50)) == 120 * MS
    assert [chunk.position for chunk in playout.due(Millis(600))] == [120 * MS]
    assert playout.heard_ms(Millis(620)) == 140


@pytest.mark.parametrize(
    ("lead_ms", "chunk_ms"),
    [(400, 0), (400, 400), (100, 100), (100, 200), (800, 391), (600, 100), (400, -1)],
)
def test_a_lead_that_leaves_gaps_is_refused(lead_ms: int, chunk_ms: int) -> None:
    with pytest.raises(ConfigError, match=f"lead_ms is {lead_ms} and chunk_ms is {chunk_ms}"):
        Playout(RATE, lead_ms=lead_ms, chunk_ms=chunk_ms)


def test_an_ear_that_is_late_is_found_out_and_stays_late() -> None:
    playout = Playout(RATE)
    playout.queue(of_ms(1000))
    playout.due(Millis(0))
    assert playout.heard_ms(Millis(300)) == 300
    playout.played(Samples(100 * MS), Millis(300))
    assert [playout.heard_ms(Millis(at)) for at in (300, 350, 400)] == [100, 150, 200]
    assert playout.next_due() == 100  # the pace is as before
    while (due := playout.next_due()) is not None:
        playout.due(due)
    assert playout.heard_ms(Millis(1100)) == 900
    assert playout.heard_ms(Millis(2000)) == 1000
    playout.queue(of_ms(400))  # after a silence the ear is as late as before
    playout.due(Millis(3000))
    heard = [playout.heard_ms(Millis(at)) for at in (3000, 3200, 3300, 3900)]
    assert heard == [1000, 1000, 1100, 1400]


def test_sound_that_follows_before_the_late_ear_is_done_is_heard_no_sooner() -> None:
    playout = Playout(RATE)
    playout.queue(of_ms(100))
    playout.due(Millis(0))
    playout.played(Samples(0), Millis(80))
    playout.played(Samples(60 * MS), Millis(260))  # the ear is later still: 200 ms
    playout.queue(of_ms(100))
    playout.due(Millis(270))
    assert [playout.heard_ms(Millis(at)) for at in (270, 470, 500, 600)] == [70, 100, 130, 200]


def test_reports_that_tell_nothing_new_change_nothing() -> None:
    playout = Playout(RATE)
    playout.queue(of_ms(300))
    playout.due(Millis(0))
    playout.played(Samples(100 * MS), Millis(130))
    assert playout.heard_ms(Millis(150)) == 150
    playout.played(Samples(200 * MS), Millis(100))  # earlier than it can be
    assert playout.heard_ms(Millis(150)) == 150


def test_a_pause_puts_back_what_a_late_ear_has_not_heard() -> None:
    playout = Playout(RATE)
    sound = np.arange(1000 * MS, dtype=np.int16)
    playout.queue(sound)
    playout.due(Millis(0))
    playout.due(Millis(100))
    playout.played(Samples(0), Millis(150))
    playout.pause(Millis(150))
    playout.resume()
    (first, *_) = playout.due(Millis(1000))
    # what was taken for heard before anybody knew better is gone
    assert first.position == 100 * MS
    assert first.samples.tolist() == sound[100 * MS : 200 * MS].tolist()
    playout.due(Millis(1150))
    assert playout.heard_ms(Millis(1150)) == 100
    assert playout.drop(Millis(1200)) == 150 * MS
