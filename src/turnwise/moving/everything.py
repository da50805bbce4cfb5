"""All of a workspace, in an order in which what something refers to comes before it."""

from turnwise.moving import resources, workspace
from turnwise.moving.agents import move_agents
from turnwise.moving.conversations import move_conversations
from turnwise.moving.folders import move_knowledge, move_tests
from turnwise.moving.report import Report
from turnwise.moving.source import Source, SourceLost
from turnwise.moving.target import Target
from turnwise.moving.transfer import Step, Transfer

_FIRST = (
    resources.SECRET,
    resources.CONNECTION,
    resources.ENVIRONMENT,
    resources.VARIABLE,
)
_THEN = (
    resources.TAG,
    resources.ITEM,
    resources.MCP_SERVER,
    resources.TOOL,
    resources.DICTIONARY,
)


async def move_everything(source: Source, target: Target, step: Step, *, audio: bool) -> Report:
    """Move what is not yet there.

    Args:
        source: From where; it was checked.
        target: To where.
        step: Is told how far it is.
        audio: Whether recordings of conversations are moved, too.
    """
    report = Report()
    transfer = Transfer(source=source, target=target, report=report, step=step)
    try:
        await _move(transfer, audio=audio)
    except SourceLost as error:
        report.fail("the source", source.url, f"it was lost on the way: {error}")
    await workspace.note_placeholders(transfer)
    return report


async def _move(transfer: Transfer, *, audio: bool) -> None:
    for resource in _FIRST:
        await resources.move(transfer, resource)
    await workspace.move_webhooks(transfer)
    await workspace.move_settings(transfer)
    await move_knowledge(transfer)
    for resource in _THEN:
        await resources.move(transfer, resource)
    await move_tests(transfer)
    await move_agents(transfer)
    await workspace.note_numbers(transfer)
    await move_conversations(transfer, audio=audio)
