"""`/healthz` and `/readyz`, for whoever starts and stops this process. They need no key."""

from fastapi import APIRouter

from turnwise.api.deps import WithDeps
from turnwise.store import StoreUnavailable

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def is_alive() -> dict[str, str]:
    """Answer while the process runs."""
    return {"status": "ok"}


@router.get("/readyz")
async def is_ready(deps: WithDeps) -> dict[str, str]:
    """Answer 200 where new conversations are welcome, 503 where they are not."""
    await deps.store.ping()
    if deps.draining():
        raise StoreUnavailable("this process is draining and takes no new conversations")
    return {"status": "ok"}
