"""On which loop the tests of outgoing requests run."""

import pytest


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
