"""On which loop the tests of tools run."""

import pytest


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
