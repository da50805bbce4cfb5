from collections.abc import Sequence
from typing import Any, get_args

import pytest

from turnwise.agents.tools import Tool
from turnwise.audio.alignment import Alignment
from turnwise.base.units import Millis
from turnwise.turns.commands import (
    Amend,
    Announce,
    Append,
    CallTool,
    CancelReply,
    CancelTool,
    Cause,
    CloseUtterance,
    Command,
    Correct,
    End,
    FinishReply,
    MakeFiller,
    Pause,
    Report,
    ReportTool,
    Resume,
    ScoreTurn,
    Speak,
    StartReply,
    SwitchAgent,
)
from turnwise.turns.events import CallId, PauseId, ReplyId
from turnwise.turns.transcript import AgentSaid, UserSaid
from turnwise.wire.selection import EVENTS
from turnwise.wire.server_messages import (
    AgentChatResponsePart,
    AgentResponse,
    AgentResponseComplete,
    AgentResponseCorrection,
    Audio,
    ConversationInitiationMetadata,
    ErrorMessage,
    Interruption,
    ServerMessage,
    TentativeUserTranscript,
    UserTranscript,
    VadScore,
)
from turnwise.wire.tool_messages import (
    AgentToolRequest,
    AgentToolResponse,
    AgentToolResponseFullPayload,
    ClientToolCall,
)
from turnwise.wire.tool_news import FULL_RESULT_BYTES
from turnwise.wire.translate import Translator

ONE, TWO = ReplyId(1), ReplyId(2)
CALL = CallId("lookup_1")
LOOKUP = Tool(name="lookup", kind="webhook", description="", response_timeout_secs=None)
SHOW = Tool(name="show", kind="client", description="", interruption_mode="disable_during_tool")
HANG_UP = Tool(name="end_call", kind="system", description="")
SOUND = b"\x00\x01"
PCM = Audio(1, SOUND)


def obey(translator: Translator, *commands: Command) -> list[ServerMessage]:
    return [message for command in commands for message in translator.obey(command)]


def said(text: str, *, typed: bool = False, ignored: bool = False) -> Append:
    return Append(UserSaid(Millis(0), text, typed=typed, ignored_as_backchannel=ignored))


def talking(client_events: Sequence[str] = ()) -> Translator:
    """Return a translator in the middle of its first reply, number 1."""
    translator = Translator(client_events, [LOOKUP, SHOW, HANG_UP])
    obey(translator, StartReply(ONE, Cause.USER_TURN, ()), Speak(ONE, "Hello there. "))
    assert translator.audio(ONE, SOUND) == [PCM]
    return translator


def test_words_and_sound_of_a_reply_have_one_number_and_words_come_first() -> None:
    translator = Translator()
    assert obey(translator, Speak(ONE, "Hello."), Announce(ONE, "Hello.")) == []
    alignment = Alignment.estimate("Hello.", 100)
    assert translator.audio(ONE, SOUND, alignment, last=True) == [
        AgentResponse(agent_response="Hello.", event_id=1),
        Audio(1, SOUND, alignment, is_final=True),
    ]
    assert obey(translator, FinishReply(ONE)) == []


def test_words_that_are_complete_after_the_first_sound_are_told_at_once() -> None:
    assert obey(talking(), Announce(ONE, "Hello there.")) == [
        AgentResponse(agent_response="Hello there.", event_id=1)
    ]


def test_words_without_sound_are_told_when_the_reply_is_over() -> None:
    translator = Translator()
    assert obey(translator, Speak(ONE, ":)"), Announce(ONE, ":)"), FinishReply(ONE)) == [
        AgentResponse(agent_response=":)", event_id=1)
    ]


def test_words_of_a_reply_that_was_withdrawn_unheard_are_never_told() -> None:
    translator = Translator()
    silent = obey(
        translator,
        Speak(ONE, "Hello."),
        Announce(ONE, "Hello."),
        CancelReply(ONE),
        Correct(ONE, "Hello.", ""),
    )
    assert silent == []


def test_an_interruption_is_followed_by_what_was_heard_under_a_higher_number() -> None:
    translator = talking()
    assert obey(
        translator, Announce(ONE, "Hello there."), CancelReply(ONE), Correct(ONE, "Hello.", "Hel")
    ) == [
        AgentResponse(agent_response="Hello there.", event_id=1),
        Interruption(event_id=1),
        AgentResponseCorrection(
            original_agent_response="Hello.", corrected_agent_response="Hel", event_id=2
        ),
    ]
    assert translator.audio(ONE, SOUND) == [], "sound of a reply that is no longer live"
    obey(translator, Speak(TWO, "Yes?"))
    assert translator.audio(TWO, SOUND) == [Audio(3, SOUND)]


def test_a_false_alarm_stops_the_sound_and_goes_on_under_a_higher_number() -> None:
    translator = talking()
    assert obey(translator, Pause(ONE)) == [Interruption(event_id=1)]
    assert translator.audio(ONE, SOUND) == [], "sound while paused"
    assert obey(translator, Resume(ONE)) == []
    assert translator.audio(ONE, SOUND) == [Audio(2, SOUND)]
    assert obey(translator, Pause(ONE), Resume(ONE), Announce(ONE, "Hello.")) == [
        Interruption(event_id=2),
        AgentResponse(agent_response="Hello.", event_id=3),
    ]


def test_a_pause_that_becomes_an_interruption_is_told_once() -> None:
    translator = talking()
    told = obey(
        translator,
        Pause(ONE),
        Announce(ONE, "Hello there."),
        CancelReply(ONE),
        Correct(ONE, "Hello there.", "Hello"),
    )
    assert [type(message) for message in told] == [
        Interruption,
        AgentResponse,
        AgentResponseCorrection,
    ]
    assert [getattr(message, "event_id", 0) for message in told] == [1, 2, 2]


def test_nothing_is_interrupted_that_was_not_heard() -> None:
    translator = Translator()
    obey(translator, Speak(ONE, "Hello."))
    assert obey(translator, Pause(ONE), Resume(ONE), CancelReply(ONE)) == []


def test_commands_about_replies_that_are_not_live_tell_nothing() -> None:
    stale: list[Command] = [
        Pause(TWO),
        Resume(TWO),
        CancelReply(TWO),
        FinishReply(TWO),
        Correct(TWO, "a", ""),
    ]
    assert obey(talking(), *stale) == []
    cancelled = talking()
    obey(cancelled, CancelReply(ONE))
    assert obey(cancelled, Correct(TWO, "a", "")) == []


def test_what_the_user_said_is_told_and_what_was_typed_or_ignored_is_not() -> None:
    translator = Translator()
    assert obey(
        translator, said("hello"), said("typed", typed=True), said("mhm", ignored=True)
    ) == [UserTranscript(user_transcript="hello", event_id=1)]
    assert obey(translator, Append(AgentSaid(Millis(0), "Hi", ONE))) == []


def test_tentative_words_use_up_no_number() -> None:
    translator = Translator()
    assert translator.tentative("hel") == [
        TentativeUserTranscript(user_transcript="hel", event_id=1)
    ]
    assert obey(translator, said("hello")) == [UserTranscript(user_transcript="hello", event_id=1)]
    obey(translator, Speak(ONE, "Hi"))
    assert translator.audio(ONE, SOUND) == [Audio(2, SOUND)]
    assert translator.tentative("wait")[0] == TentativeUserTranscript(
        user_transcript="wait", event_id=2
    )


def test_scores_are_for_those_who_want_them() -> None:
    assert Translator().vad_score(0.5) == []
    assert Translator(["vad_score"]).vad_score(0.5) == [VadScore(vad_score=0.5)]


def test_messages_of_others_pass_if_they_are_wanted() -> None:
    metadata = ConversationInitiationMetadata(
        conversation_id="conv_1",
        agent_output_audio_format="pcm_16000",
        user_input_audio_format="pcm_16000",
    )
    assert Translator(["audio"]).offer(metadata) == [metadata]
    assert Translator(["audio"]).offer(UserTranscript(user_transcript="x", event_id=1)) == []


def test_a_text_conversation_streams_and_then_says_it_whole() -> None:
    translator = Translator(text_only=True)
    assert obey(
        translator,
        Speak(ONE, "Hello, "),
        Speak(ONE, "there."),
        Announce(ONE, "Hello, there."),
        FinishReply(ONE),
    ) == [
        AgentChatResponsePart(text="", part="start", event_id=1),
        AgentChatResponsePart(text="Hello, ", part="delta", event_id=1),
        AgentChatResponsePart(text="there.", part="delta", event_id=1),
        AgentChatResponsePart(text="", part="stop", event_id=1),
        AgentResponse(agent_response="Hello, there.", event_id=1),
    ]


def test_a_text_reply_that_is_dropped_ends_its_stream_without_an_interruption() -> None:
    translator = Translator(text_only=True)
    obey(translator, Speak(ONE, "Hello"))
    assert obey(translator, CancelReply(ONE)) == [
        AgentChatResponsePart(text="", part="stop", event_id=1)
    ]


def test_each_pass_of_a_text_reply_has_its_stream_under_the_same_number() -> None:
    translator = Translator(text_only=True, tools=[LOOKUP])
    told = obey(
        translator,
        Speak(ONE, "Let me look. "),
        Announce(ONE, "Let me look."),
        CallTool(ONE, CALL, "lookup", "{}"),
        ReportTool(CALL, "lookup", "42", failed=False),
        StartReply(ONE, Cause.TOOL_RESULT, ()),
        Speak(ONE, "It is 42."),
        Announce(ONE, "It is 42."),
    )
    kinds = [
        message.part if isinstance(message, AgentChatResponsePart) else type(message).__name__
        for message in told
    ]
    first = ["start", "delta", "stop", "AgentResponse", "AgentToolRequest", "AgentToolResponse"]
    assert kinds == [*first, "start", "delta", "stop", "AgentResponse"]
    assert {getattr(message, "event_id", 0) for message in told} == {1}


def test_the_end_of_a_reply_is_told_to_those_who_want_it() -> None:
    translator = talking(["audio", "agent_response_complete"])
    assert obey(translator, FinishReply(ONE)) == [AgentResponseComplete(event_id=1)]
    assert obey(translator, Speak(TWO, " "), FinishReply(TWO)) == [], "nothing was told of it"


def test_a_tool_is_told_with_what_was_said_before_it() -> None:
    translator = Translator(tools=[LOOKUP])
    told = obey(
        translator,
        Speak(ONE, "Let me look."),
        Announce(ONE, "Let me look."),
        CallTool(ONE, CALL, "lookup", '{"q": 1}'),
    )
    assert told == [
        AgentResponse(agent_response="Let me look.", event_id=1),
        AgentToolRequest(
            tool_name="lookup",
            tool_call_id=CALL,
            tool_type="webhook",
            event_id=1,
            expects_response=True,
            disable_interruptions=False,
            response_timeout_secs=-1,
            execution_mode="immediate",
        ),
    ]
    assert obey(translator, ReportTool(CALL, "lookup", "late", failed=True)) == [
        AgentToolResponse(
            tool_name="lookup",
            tool_call_id=CALL,
            tool_type="webhook",
            is_error=True,
            is_called=True,
            event_id=1,
        )
    ]


def test_a_client_tool_is_called_with_all_five_fields() -> None:
    translator = Translator(["audio"], [SHOW])
    command = CallTool(ONE, CALL, "show", '{"page": 1}')
    assert obey(translator, command) == []
    assert translator.call_client(command, {"page": 1, "user": "Ann"}) == [
        ClientToolCall(
            tool_name="show",
            tool_call_id=CALL,
            parameters={"page": 1, "user": "Ann"},
            event_id=1,
            expects_response=True,
        )
    ]


def test_the_start_of_a_client_tool_is_told_only_if_it_was_asked_for() -> None:
    command = CallTool(ONE, CALL, "show", "{}")
    assert obey(Translator((), [SHOW]), command) == []
    (told,) = obey(Translator(["agent_tool_request"], [SHOW]), command)
    assert isinstance(told, AgentToolRequest)
    assert (told.tool_type, told.disable_interruptions) == ("client", True)


def test_tools_nobody_knows_are_told_too() -> None:
    translator = Translator()
    (told,) = obey(translator, CallTool(ONE, CALL, "made_up", "{}"))
    assert isinstance(told, AgentToolRequest)
    assert told.tool_name == "made_up"
    (answer,) = obey(translator, ReportTool(CallId("other"), "made_up", "", failed=True))
    assert isinstance(answer, AgentToolResponse)
    assert answer.event_id == 2
    unseen = CallTool(ONE, CallId("unseen"), "made_up", "{}")
    (call,) = translator.call_client(unseen, {})
    assert isinstance(call, ClientToolCall)
    assert call.event_id == 3


def test_a_tools_answer_has_the_number_of_its_call_even_after_an_interruption() -> None:
    translator = talking()
    obey(translator, CallTool(ONE, CALL, "lookup", "{}"), CancelReply(ONE), said("wait"))
    (answer,) = obey(translator, ReportTool(CALL, "lookup", "42", failed=False))
    assert isinstance(answer, AgentToolResponse)
    assert answer.event_id == 1


@pytest.mark.parametrize(("size", "truncated"), [(10, False), (FULL_RESULT_BYTES + 1, True)])
def test_a_full_result_is_cut_at_its_limit(size: int, truncated: bool) -> None:  # noqa: FBT001
    translator = Translator(["agent_tool_response_full_payload"], [LOOKUP])
    (told,) = obey(translator, ReportTool(CALL, "lookup", "x" * size, failed=False))
    assert isinstance(told, AgentToolResponseFullPayload)
    assert told.truncated is truncated
    assert len(told.full_tool_result) == min(size, FULL_RESULT_BYTES)


def test_another_agents_tools_are_taken_over() -> None:
    translator = Translator()
    translator.use_tools([LOOKUP])
    (told,) = obey(translator, CallTool(ONE, CALL, "lookup", "{}"))
    assert isinstance(told, AgentToolRequest)
    assert told.tool_type == "webhook"


def test_clients_learn_of_end_call_only_directly_before_the_end() -> None:
    translator = talking()
    request = obey(translator, CallTool(ONE, CALL, "end_call", "{}"))
    assert isinstance(request[0], AgentToolRequest)
    assert obey(translator, ReportTool(CALL, "end_call", "done", failed=False)) == []
    assert translator.audio(ONE, SOUND) == [PCM]
    assert obey(translator, FinishReply(ONE), End("end_call tool was called.")) == [
        AgentToolResponse(
            tool_name="end_call",
            tool_call_id=CALL,
            tool_type="system",
            is_error=False,
            is_called=True,
            event_id=1,
        )
    ]


def test_an_end_that_was_called_off_is_not_told_at_a_later_end() -> None:
    translator = talking()
    obey(
        translator,
        CallTool(ONE, CALL, "end_call", "{}"),
        ReportTool(CALL, "end_call", "done", failed=False),
        CancelReply(ONE),
        said("no, wait"),
        StartReply(TWO, Cause.USER_TURN, ()),
    )
    assert obey(translator, End("silence")) == []


def test_an_end_by_a_failure_is_told_and_then_nothing_more() -> None:
    translator = talking()
    told = obey(translator, End("llm_error"))
    assert told[0] == Interruption(event_id=1)
    assert isinstance(told[1], ErrorMessage)
    assert translator.tentative("x") == []
    assert obey(translator, said("hello"), Speak(TWO, "Hi")) == []
    assert translator.audio(TWO, SOUND) == []


def test_words_in_parts_are_not_for_voice_unless_selected() -> None:
    translator = Translator(["agent_chat_response_part"])
    assert len(obey(translator, Speak(ONE, "Hello."))) == 2


def test_commands_that_tell_the_client_nothing() -> None:
    silent: list[Command] = [
        StartReply(ONE, Cause.USER_TURN, ()),
        CancelTool(CALL),
        MakeFiller(ONE),
        ScoreTurn(PauseId(1)),
        CloseUtterance(),
        Amend(0, UserSaid(Millis(0), "x")),
        SwitchAgent("a"),
        Report("silence", ""),
    ]
    assert obey(Translator(EVENTS), *silent) == []


def test_every_command_is_in_this_file() -> None:
    names: dict[str, Any] = globals()
    assert all(kind.__name__ in names for kind in get_args(Command))
