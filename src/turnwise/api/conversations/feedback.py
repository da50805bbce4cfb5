"""`/v1/convai/conversations/{conversation_id}/feedback`: what the user thought of it.

Browsers post it without a key, mostly when the call is over: a thumb, which is published, or a
rating of 1 to 5 with a comment, which the widget sends. What is not said stays as it was.
"""

from typing import Any

from turnwise.api.conversations.stored import stored
from turnwise.api.errors import Invalid, Problem, problem
from turnwise.api.serving import Answer, Call, Slice
from turnwise.store import Document

feedback = Slice()

MOST_CHARS = 10_000
"""Of a comment."""
_RATINGS = range(1, 6)


@feedback.serve("POST /v1/convai/conversations/{conversation_id}/feedback", access="open")
async def give_feedback(call: Call) -> Answer:
    """Keep what the user thought of a conversation; whoever knows its id may say it."""
    given = _given(call.body)
    async with call.deps.store.writing() as tx:
        document = await stored(tx, call.path["conversation_id"], lock=True)
        metadata = document["metadata"]
        metadata["feedback"] = {**(metadata.get("feedback") or {}), **given}
        await tx.conversations.save(document)
    return {}


def _given(body: Document) -> Document:
    """Return the new parts of `metadata.feedback`.

    Raises:
        Invalid: If nothing is said, or not in the form that clients use.
    """
    if problems := [*_problems(body)]:
        raise Invalid(problems)
    given: Document = {}
    if "feedback" in body:
        given |= {"type": "thumbs", "overall_score": body["feedback"]}
    if body.get("rating") is not None:
        given |= {"type": "rating", "rating": body["rating"]}
    if body.get("comment") is not None:
        given["comment"] = body["comment"]
    return given


def _problems(body: Document) -> list[Problem]:
    found = []
    rating: Any = body.get("rating")
    comment: Any = body.get("comment")
    if "feedback" not in body and rating is None and comment is None:
        found.append(problem("missing", ["body", "feedback"], "Field required"))
    if rating is not None and (type(rating) is not int or rating not in _RATINGS):
        text = "Input should be a whole number from 1 to 5"
        found.append(problem("int_type", ["body", "rating"], text))
    if comment is not None and not isinstance(comment, str):
        text = "Input should be a valid string"
        found.append(problem("string_type", ["body", "comment"], text))
    elif comment is not None and len(comment) > MOST_CHARS:
        text = f"String should have at most {MOST_CHARS} characters"
        found.append(problem("string_too_long", ["body", "comment"], text))
    return found
