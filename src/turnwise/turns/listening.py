"""The user's turn: speech, words that come late or change, and the taking of the turn."""

from turnwise.base.units import Millis
from turnwise.turns.commands import Cause, ScoreTurn
from turnwise.turns.endpointing import Pause, Sign, signs
from turnwise.turns.events import PauseId, SegmentId, Transcribed
from turnwise.turns.interruption import BargeIn, Question
from turnwise.turns.language import plain, words_of
from turnwise.turns.replying import announce, drop, question_at_the_ear, speak, untouched
from turnwise.turns.state import Conversation, Segment, TakenTurn
from turnwise.turns.transcript import UserSaid


def start_speech(c: Conversation) -> None:
    """Note that the user speaks."""
    user = c.user
    user.audio_at = c.now
    if user.speaking_since is None:
        user.speaking_since = c.now
        if not user.words and c.now - user.silent_since > c.policy.guards.unheard_patience_ms:
            user.spoke_ms = 0  # what came before was a noise of its own
        user.resumed = user.ever_spoke = True
        user.question = question_at_the_ear(c)
        user.score = user.unheeded_at = None
        c.alarms = 0


def stop_speech(c: Conversation, silent_since: Millis) -> None:
    """Note that the user has been silent since then."""
    user = c.user
    assert user.speaking_since is not None
    user.silent_since = max(silent_since, user.speaking_since)
    user.stopped_at = c.now
    user.spoke_ms += user.silent_since - user.speaking_since
    user.last_spoke = max(user.last_spoke, user.silent_since)
    user.speaking_since = None
    user.pause = PauseId(user.pause + 1)
    if c.policy.endpointing.turn_model:
        c.do(ScoreTurn(user.pause))


LATE_WORDS_MS = 2_000
"""How long the words of speech that was thrown away may still come."""


def hear(c: Conversation, heard: Transcribed) -> None:
    """Take in words: of this turn, of the turn taken last, or of nothing any more."""
    user, taken = c.user, c.taken
    segment = Segment(heard.text, heard.final)
    if heard.segment > user.closed:
        if _was_thrown_away(c):
            user.closed = heard.segment
        elif _continues_taken_turn(c):
            assert taken is not None
            user.closed = heard.segment
            _amend_taken(c, taken, heard.segment, segment)
        else:
            _hear_now(c, heard.segment, segment)
    elif taken is not None and (old := taken.segments.get(heard.segment)) is not None:
        beyond = _beyond(old, heard)
        if user.resumed and beyond is not None:
            _hear_now(c, heard.segment, beyond)
        else:
            text = " ".join(heard.text.split()[old.skipped :]) if old.skipped else heard.text
            _amend_taken(c, taken, heard.segment, Segment(text, heard.final, old.skipped))
    elif (ignored := user.ignored.get(heard.segment)) and plain(ignored.text) != plain(heard.text):
        _hear_now(c, heard.segment, _beyond(ignored, heard) or segment)  # it was more


def _beyond(old: Segment, heard: Transcribed) -> Segment | None:
    """Return what was added to the words of a segment that were dealt with; None: nothing was."""
    words = heard.text.split()[old.skipped :]
    said = old.text.split()
    went_on = list(map(plain, words[: len(said)])) == list(map(plain, said))
    if not went_on or len(words) <= len(said):
        return None
    return Segment(" ".join(words[len(said) :]), heard.final, old.skipped + len(said))


def _was_thrown_away(c: Conversation) -> bool:
    """Return whether new words are the late ones of speech that nobody listened to."""
    user = c.user
    if user.unheeded_at is None or user.resumed:
        return False
    return c.now - user.unheeded_at < LATE_WORDS_MS


def _hear_now(c: Conversation, segment_id: SegmentId, segment: Segment) -> None:
    user = c.user
    before = user.words
    user.segments[segment_id] = segment
    user.join()
    if user.words == before:
        return
    user.words_at = c.now
    user.ever_spoke, c.waits_until = True, None
    if user.speaking_since is None and (user.distrusted or not user.resumed):
        # the detector is no help: the words themselves are the only sign of speech
        user.silent_since = user.last_spoke = c.now
        user.question = question_at_the_ear(c)
    reply = c.reply
    if reply is not None and reply.bet is not None and plain(reply.bet) != plain(user.words):
        drop(c)
        if segment.final:
            c.bet_pause = None  # these words are worth a bet of their own


def _continues_taken_turn(c: Conversation) -> bool:
    """Return whether new words belong to the turn taken last: nobody was heard since."""
    reply = c.reply
    silent = not c.user.resumed and not c.user.segments
    unheard = reply is not None and c.taken is not None and reply.answers == c.taken.index
    return silent and unheard and untouched(c)


def _amend_taken(
    c: Conversation, taken: TakenTurn, segment_id: SegmentId, segment: Segment
) -> None:
    """Correct the turn taken last; answer it anew if the answer was not heard yet."""
    taken.segments[segment_id] = segment
    entry = c.transcript[taken.index]
    assert isinstance(entry, UserSaid)
    texts = (each.text.strip() for each in taken.segments.values())
    words = " ".join(text for text in texts if text)
    if not words or words == entry.text:
        return
    c.amend(taken.index, UserSaid(entry.at, words, entry.typed, entry.ignored_as_backchannel))
    reply = c.reply
    changed = plain(words) != plain(entry.text)
    if changed and reply is not None and reply.answers == taken.index and untouched(c):
        drop(c)
        c.owed, c.owed_for = Cause.USER_TURN, taken.index


def endpoint(c: Conversation) -> list[Sign]:
    """Return the signs that decide how much silence ends the present turn, strongest first."""
    pause = Pause(c.user.words, c.user.question or c.last_text, c.user.score)
    return signs(pause, c.policy.endpointing, words_of(c.policy.language))


def turn_over_at(c: Conversation) -> Millis | None:
    """Return when the user's turn is over if nothing more is heard; None: not in sight."""
    user = c.user
    if not user.words or user.speaking_since is not None or c.closing is not None:
        return None
    over = max(Millis(user.silent_since + endpoint(c)[0].wait_ms), c.undisturbed_from)
    return max(over, words_final_at(c)) if user.tentative else over


def words_final_at(c: Conversation) -> Millis:
    """Return until when tentative words are given time: as long as they change, they are alive."""
    since = max(c.user.stopped_at, c.user.words_at)
    return Millis(since + c.policy.endpointing.final_patience_ms)


def take(c: Conversation) -> None:
    """Take the user's turn: what was said counts, and an answer is owed or already begun."""
    user = c.user
    words = user.words
    c.taken = TakenTurn(c.append(UserSaid(c.now, words)), user.close_segments())
    user.last_spoke = max(user.last_spoke, user.silent_since)
    _end_turn(c)
    reply = c.reply
    if reply is None:
        c.owed, c.owed_for = Cause.USER_TURN, c.taken.index
        return
    # the bet is won: words that would have lost it have dropped the reply
    reply.bet, reply.answers = None, c.taken.index
    reply.say_from(c.now)
    speak(c)
    if reply.written or reply.goes_on:
        announce(c)


def discard(c: Conversation) -> None:
    """Forget what the user is saying: nobody was listening."""
    if c.user.resumed or c.user.segments:
        c.user.unheeded_at = c.now
    c.user.close_segments()
    _end_turn(c)


def ignore(c: Conversation) -> None:
    """Note that the user is only listening; it takes no turn."""
    c.append(UserSaid(c.now, c.user.words, ignored_as_backchannel=True))
    c.user.ignored = c.user.close_segments()
    _end_turn(c)


def _end_turn(c: Conversation) -> None:
    user = c.user
    user.resumed = user.cut_wordless = False
    user.spoke_ms, user.score, user.question = 0, None, ""


def barge_in(c: Conversation) -> BargeIn:
    """Return what the user does over the present reply."""
    user = c.user
    since = user.speaking_since
    speaking_ms = None if since is None else c.now - since
    return BargeIn(user.words, speaking_ms, _question(c), user.tentative)


def _question(c: Conversation) -> Question:
    if not c.user.question:
        return Question.NONE
    ended = c.reply is not None and c.reply.text.strip() == c.user.question.strip()
    return Question.LAST if ended else Question.EARLIER
