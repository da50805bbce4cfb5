import pytest

from turns.scenes import (
    ONE,
    TWO,
    agent_said,
    answers,
    is_asked,
    says,
    speaks,
    transcript,
    user_said,
)
from turnwise.base.units import Millis
from turnwise.testing import Timeline
from turnwise.turns.commands import (
    Announce,
    CancelReply,
    Cause,
    Correct,
    FinishReply,
    Pause,
    Resume,
    Speak,
    StartReply,
)
from turnwise.turns.events import (
    ReplyText,
    ReplyWritten,
    SegmentId,
    SpeechContinued,
    SpeechStarted,
    SpeechStopped,
    Transcribed,
    Voiced,
)
from turnwise.turns.policy import Interruption, Policy
from turnwise.turns.transcript import AgentSaid, UserSaid

STORY = "One two three four five six seven eight nine ten"
"""48 characters; as 4,800 ms of sound each lasts 100 ms."""
MENU = "We have pizza and pasta. Which do you want?"


def listens(policy: Policy | None = None, text: str = STORY) -> Timeline:
    """Return a timeline in which the agent is heard from 3,000 on, 100 ms a character."""
    t = is_asked("tell me more", policy)
    answers(t, 3_000, text, 100 * len(text))
    return t


def test_speech_over_the_agent_makes_it_quiet_at_once_and_words_interrupt_it() -> None:
    t = listens()
    t.at(4_000, SpeechStarted())
    assert t.when(Pause(ONE)) == [4_000]
    t.at(4_300, Transcribed(SegmentId(2), "no", final=False))
    assert t.when(CancelReply(ONE)) == [4_300]
    assert t.of(Correct) == [(4_300, Correct(ONE, STORY, STORY[:10]))]
    assert transcript(t)[-1] == AgentSaid(
        Millis(3_000), STORY[:10].strip(), ONE, interrupted=True, original=STORY
    )


def test_the_client_hears_of_the_stop_before_it_hears_what_was_said() -> None:
    t = listens()
    t.at(4_000, SpeechStarted())
    t.at(4_300, Transcribed(SegmentId(2), "no", final=False))
    kinds = [type(command) for _, command in t.done]
    assert kinds.index(CancelReply) < kinds.index(Correct)
    assert kinds.count(Announce) == 1


def test_long_speech_interrupts_before_it_has_words() -> None:
    t = listens()
    t.at(4_000, SpeechStarted())
    t.at(4_500, SpeechContinued())
    t.until(5_000)
    assert t.when(CancelReply(ONE)) == [4_800]
    assert t.of(Correct)[0][1].heard == STORY[:10]


def test_an_interruption_is_a_turn_and_is_answered() -> None:
    t = listens()
    says(t, 4_000, 4_600, "no, pasta", segment=2)
    t.until(6_000)
    assert user_said(t)[1:] == [(5_100, "no, pasta")]
    known = t.of(StartReply)[-1][1].transcript
    assert [type(e) for e in known] == [UserSaid, AgentSaid, UserSaid]


def test_after_a_cough_the_agent_goes_on_exactly_where_it_stopped() -> None:
    t = listens()
    speaks(t, 4_000, 4_300)
    t.until(20_000)
    # quiet since 4,000, silence since 4,300, no words for 700 ms
    assert t.when(Pause(ONE)) == [4_000]
    assert t.when(Resume(ONE)) == [5_000]
    # 1,000 of its 4,800 ms were heard before the pause, 3,800 are left
    assert t.when(FinishReply(ONE)) == [8_800]
    assert agent_said(t) == [STORY]
    assert t.when(Correct) == []


def test_what_was_heard_is_counted_on_from_the_resume_point() -> None:
    t = listens()
    speaks(t, 4_000, 4_300)
    t.at(6_000, SpeechStarted())
    t.at(6_200, Transcribed(SegmentId(2), "stop", final=False))
    # 1,000 ms before the cough and 1,000 after it went on at 5,000
    assert t.of(Correct)[0][1].heard == STORY[:20]


def test_words_that_come_while_the_sound_is_held_are_queued_behind_it() -> None:
    t = is_asked("tell me more")
    t.at(3_000, ReplyText(ONE, STORY[:24]), Voiced(ONE, 24, 2_400))
    t.at(4_000, SpeechStarted())
    t.at(4_100, ReplyText(ONE, STORY[24:]), ReplyWritten(ONE), Voiced(ONE, 24, 2_400))
    t.at(4_400, SpeechStopped(100))
    t.until(20_000)
    assert t.when(Resume(ONE)) == [5_000]
    assert t.when(FinishReply(ONE)) == [8_800]


@pytest.mark.parametrize("words", ["mhm", "Mm-hmm.", "Uh-huh", "OKAY", "I see."])
def test_a_backchannel_takes_no_turn_and_the_agent_goes_on_at_once(words: str) -> None:
    t = listens()
    says(t, 4_000, 4_300, words, segment=2)
    t.until(20_000)
    assert transcript(t)[1] == UserSaid(Millis(4_400), words, ignored_as_backchannel=True)
    assert t.when(Resume(ONE)) == [4_400]
    assert t.when(FinishReply(ONE)) == [8_200]
    assert [c.cause for _, c in t.of(StartReply)][1:2] == [Cause.USER_SILENT]


def test_a_tentative_backchannel_is_given_a_moment_to_become_more() -> None:
    t = listens()
    speaks(t, 4_000, 4_300)
    t.at(4_400, Transcribed(SegmentId(2), "okay", final=False))
    t.at(4_490, Transcribed(SegmentId(2), "okay but no", final=False))
    assert t.when(CancelReply(ONE)) == [4_490]
    t = listens()
    speaks(t, 4_000, 4_300)
    t.at(4_400, Transcribed(SegmentId(2), "okay", final=False))
    t.until(6_000)
    assert t.when(Resume(ONE)) == [5_000]


def test_a_backchannel_that_goes_on_and_on_is_an_interruption() -> None:
    t = listens()
    t.at(4_000, SpeechStarted())
    t.at(4_200, Transcribed(SegmentId(2), "mhm", final=False))
    for at in range(4_500, 7_000, 500):
        t.at(at, SpeechContinued())
    assert t.when(CancelReply(ONE)) == [6_500]


def test_the_same_word_is_an_answer_if_the_agent_was_at_its_question() -> None:
    t = listens(text=MENU)
    # "Which" begins with character 25, heard from 5,500 on
    says(t, 6_000, 6_300, "okay", segment=2)
    t.until(10_000)
    assert t.when(CancelReply(ONE)) == [6_400]
    assert [text for _, text in user_said(t)] == ["tell me more", "okay"]
    assert not any(isinstance(e, UserSaid) and e.ignored_as_backchannel for e in transcript(t))


def test_the_same_word_before_the_question_is_listening() -> None:
    t = listens(text=MENU)
    says(t, 4_000, 4_300, "okay", segment=2)
    assert t.when(CancelReply) == []


def test_the_agents_own_ignore_terms_are_compared_whole_and_without_case() -> None:
    manners = Interruption(ignore_terms=("Go On Please",))
    t = listens(Policy(interruption=manners))
    says(t, 4_000, 4_300, "go on, PLEASE!", segment=2)
    assert transcript(t)[1] == UserSaid(
        Millis(4_400), "go on, PLEASE!", ignored_as_backchannel=True
    )
    says(t, 5_000, 5_300, "go on please now", segment=3)
    assert t.when(CancelReply(ONE)) == [5_400]


def test_an_ignored_term_is_ignored_even_as_an_answer() -> None:
    t = listens(Policy(interruption=Interruption(ignore_terms=("okay",))), MENU)
    says(t, 6_000, 6_300, "okay", segment=2)
    assert t.when(CancelReply) == []


def test_the_built_in_list_can_be_switched_off() -> None:
    t = listens(Policy(interruption=Interruption(backchannels=False)))
    says(t, 4_000, 4_300, "mhm", segment=2)
    assert t.when(CancelReply(ONE)) == [4_400]


def test_another_language_has_another_list() -> None:
    t = listens(Policy(language="de-AT"))
    says(t, 4_000, 4_300, "Genau.", segment=2)
    assert t.when(Resume(ONE)) == [4_400]
    says(t, 5_000, 5_300, "yep", segment=3)
    assert t.when(CancelReply(ONE)) == [5_400]


def test_too_few_words_do_not_interrupt_and_are_a_turn_once_the_agent_is_done() -> None:
    t = listens(Policy(interruption=Interruption(barge_in_words=3)))
    says(t, 4_000, 4_300, "no pasta", segment=2)
    t.until(8_700)
    assert t.when(Resume(ONE)) == [5_000]
    t.until(12_000)
    assert t.when(FinishReply(ONE)) == [8_800]
    assert user_said(t)[1:] == [(8_800, "no pasta")]


def test_without_pausing_the_agent_speaks_until_the_interruption_is_sure() -> None:
    t = listens(Policy(interruption=Interruption(pause=False)))
    t.at(4_000, SpeechStarted())
    t.at(4_500, SpeechContinued())
    t.until(5_000)
    assert t.when(Pause) == []
    assert t.when(CancelReply(ONE)) == [4_800]
    assert t.of(Correct)[0][1].heard == STORY[:18]


def test_interruptions_off_nothing_stops_the_agent_and_what_was_said_is_discarded() -> None:
    t = listens(Policy(interruption=Interruption(enabled=False)))
    says(t, 4_000, 5_500, "no stop it please", segment=2)
    t.until(10_000)
    assert t.when(Pause) == []
    assert t.when(CancelReply) == []
    assert t.when(FinishReply(ONE)) == [7_800]
    assert len(user_said(t)) == 1


def test_interruptions_off_late_words_of_discarded_speech_are_discarded_too() -> None:
    t = listens(Policy(interruption=Interruption(enabled=False)))
    speaks(t, 7_200, 7_600)
    t.at(8_000, Transcribed(SegmentId(2), "no stop it please", final=True))
    t.until(10_000)
    assert len(user_said(t)) == 1


def test_interruptions_off_speech_that_outlasts_the_agent_counts() -> None:
    t = listens(Policy(interruption=Interruption(enabled=False)))
    says(t, 7_500, 8_300, "no pasta please", segment=2)
    t.until(10_000)
    assert user_said(t)[1:] == [(8_800, "no pasta please")]


def test_interruptions_off_with_transcription_what_was_said_is_the_next_turn() -> None:
    manners = Interruption(enabled=False, transcribe_when_disabled=True)
    t = listens(Policy(interruption=manners))
    says(t, 4_000, 4_500, "no pasta please", segment=2)
    t.until(10_000)
    assert t.when(CancelReply) == []
    assert user_said(t)[1:] == [(7_800, "no pasta please")]
    assert t.when(StartReply) == [2_000, 7_800]


def test_interruptions_off_an_unheard_reply_still_waits_for_a_user_who_goes_on() -> None:
    t = is_asked("I would like it", Policy(interruption=Interruption(enabled=False)))
    says(t, 2_300, 2_800, "a pizza I mean", segment=2)
    t.until(4_000)
    assert t.when(CancelReply(ONE)) == [2_300]
    assert user_said(t)[1:] == [(3_300, "a pizza I mean")]


def test_the_first_message_may_be_uninterruptible_and_only_the_first() -> None:
    manners = Interruption(first_message=False)
    t = Timeline(Policy(first_message=STORY, interruption=manners))
    t.at(0, Voiced(ONE, len(STORY), 4_800))
    says(t, 1_000, 2_000, "stop it now", segment=1)
    t.until(4_800)
    assert t.when(FinishReply(ONE)) == [4_800]
    assert user_said(t) == []
    says(t, 5_000, 5_500, "tell me more", segment=2)
    t.until(6_000)
    answers(t, 6_500, STORY, 4_800)
    says(t, 7_000, 7_500, "stop it now", segment=3)
    assert t.when(CancelReply(TWO)) == [7_600]


def test_a_reply_that_nobody_heard_is_withdrawn_and_stays_owed() -> None:
    t = is_asked("tell me more", Policy(playout_ms=200))
    answers(t, 3_000, STORY, 4_800)
    t.at(3_199, SpeechStarted())
    assert t.when(CancelReply(ONE)) == [3_199]
    assert t.when(Correct) == [3_199]  # its text was told to the client: nothing of it was heard
    assert t.of(Correct)[0][1].heard == ""
    t.at(3_500, SpeechStopped(100))
    t.until(5_000)
    again = t.of(StartReply)[1][1]
    assert (again.cause, again.reply) == (Cause.USER_TURN, TWO)
    assert agent_said(t) == []


def test_a_reply_that_is_just_beginning_to_be_heard_is_held_instead() -> None:
    t = is_asked("tell me more", Policy(playout_ms=200))
    answers(t, 3_000, STORY, 4_800)
    t.at(3_201, SpeechStarted())
    assert t.when(CancelReply) == []
    assert t.when(Pause(ONE)) == [3_201]


def test_nothing_is_said_while_the_agent_is_quiet_but_words_are_taken_in() -> None:
    t = listens()
    t.at(4_000, SpeechStarted())
    t.at(4_100, Voiced(ONE, 10, 500))
    assert t.when(Speak) == [3_000]


def test_an_answer_to_a_question_after_which_the_agent_went_on_is_no_backchannel() -> None:
    text = "Shall I book it? It costs five euros, drinks included."
    t = listens(text=text)
    says(t, 5_000, 5_300, "yes", segment=2)
    assert t.when(CancelReply(ONE)) == [5_400]
    t = listens(text=text)
    says(t, 5_000, 5_300, "mhm", segment=2)
    assert t.when(CancelReply) == []


def test_listening_long_after_an_open_question_is_still_listening() -> None:
    t = listens(text="Hi, how are you? I am calling because of your order of last week.")
    says(t, 8_000, 8_300, "okay", segment=2)
    assert t.when(CancelReply) == []


def test_backchannels_in_a_row_are_listening_too() -> None:
    t = listens()
    says(t, 4_000, 4_600, "Yeah, okay, mhm.", segment=2)
    assert t.when(Resume(ONE)) == [4_700]
