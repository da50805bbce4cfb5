"""Waiting for the user's approval."""

import asyncio

import pytest

from turnwise.testing import run
from turnwise.tools.approvals import APPROVAL_S, Approvals


@pytest.mark.parametrize("approved", [True, False])
def test_the_user_decides_about_one_call(*, approved: bool) -> None:
    async def main() -> None:
        approvals = Approvals()
        async with asyncio.TaskGroup() as tasks:
            first = tasks.create_task(approvals.of("a"))
            second = tasks.create_task(approvals.of("b"))
            await asyncio.sleep(1)
            approvals.decide("nobody", approved=True)
            approvals.decide("a", approved=approved)
            approvals.decide("a", approved=not approved)
            assert await first is approved
            assert not second.done()
            approvals.close()
            assert await second is False

    run(main())


def test_nobody_is_waited_for_for_ever() -> None:
    async def main() -> float:
        began = asyncio.get_running_loop().time()
        with pytest.raises(TimeoutError):
            await Approvals().of("a")
        return asyncio.get_running_loop().time() - began

    assert run(main()) == APPROVAL_S
