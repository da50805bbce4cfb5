from turnwise.base.units import Millis
from turnwise.runtime.document import Circumstances, Course, document
from turnwise.runtime.record import Record
from turnwise.turns.commands import Append
from turnwise.turns.events import ReplyId
from turnwise.turns.transcript import AgentSaid

ABOUT = Circumstances(
    conversation_id="conv_1", agent_id="agent_1", agent_name="A", started_unix_secs=1
)
COURSE = Course(duration_ms=9_000, status="in-progress")


def said() -> Record:
    record = Record("agent_1")
    for number in (1, 2, 3):
        record.note(Append(AgentSaid(Millis(number * 1_000), f"Reply {number}.", ReplyId(number))))
    return record


def test_feedback_stands_on_the_turn_and_in_the_metadata() -> None:
    record = said()
    record.rate(ReplyId(1), "like", 5_200)
    record.rate(ReplyId(2), "dislike", 6_000)
    record.rate(ReplyId(3), "like", 7_000)
    stored = document(ABOUT, record, COURSE)
    assert [turn["feedback"] for turn in stored["transcript"]] == [
        {"score": "like", "time_in_call_secs": 5},
        {"score": "dislike", "time_in_call_secs": 6},
        {"score": "like", "time_in_call_secs": 7},
    ]
    assert stored["metadata"]["feedback"] == {"overall_score": "like", "likes": 2, "dislikes": 1}


def test_feedback_may_be_taken_back() -> None:
    record = said()
    record.rate(ReplyId(1), "like", 5_000)
    record.rate(ReplyId(1), None, 6_000)
    record.rate(ReplyId(2), None, 6_000)
    assert record.feedback() == {"overall_score": None, "likes": 0, "dislikes": 0}
