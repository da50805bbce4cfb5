"""`turnwise import elevenlabs`: a workspace of the hosted service, with the ids it has there."""

import asyncio
from typing import TYPE_CHECKING, Final

from turnwise.base.errors import ConfigError
from turnwise.settings import Settings

if TYPE_CHECKING:
    from turnwise.moving.report import Report
    from turnwise.moving.transfer import Step

HOSTED: Final = "https://api.elevenlabs.io"


def bring_hosted(
    settings: Settings,
    url: str,
    key: str,
    step: "Step",
    audio: bool,  # noqa: FBT001 - an option of the command
) -> "Report":
    """Move what is not yet in the data folder; return what was done.

    Raises:
        ConfigError: If there is no key, or the source or the data folder cannot be used.
    """
    if not key:
        raise ConfigError(
            "a key of the hosted service is needed: set ELEVENLABS_API_KEY, or give --key"
        )
    return asyncio.run(_bring(settings, url, key, step, audio=audio))


async def _bring(settings: Settings, url: str, key: str, step: "Step", *, audio: bool) -> "Report":
    # `--help` needs neither a database nor an API
    from turnwise.api import Deps  # noqa: PLC0415
    from turnwise.main import policy_of  # noqa: PLC0415
    from turnwise.moving.everything import move_everything  # noqa: PLC0415
    from turnwise.moving.recordings import can_decode  # noqa: PLC0415
    from turnwise.moving.source import Source  # noqa: PLC0415
    from turnwise.moving.target import KnownOrigins, Target, new_key  # noqa: PLC0415
    from turnwise.outgoing import Outgoing  # noqa: PLC0415
    from turnwise.store import open_blobs, open_signer, open_store, open_vault  # noqa: PLC0415

    if audio and not can_decode():
        raise ConfigError("--audio needs the package av: pip install 'turnwise[media]'")
    source, origins, own_key = Source(url, key), KnownOrigins(), new_key()
    try:
        await source.check()
        store = await open_store(
            settings.store_url, settings.data, origins=origins.origins(), fixed_key=own_key
        )
        outgoing = Outgoing(policy_of(settings), proxy=settings.outgoing_proxy)
        deps = Deps(
            store=store,
            blobs=open_blobs(settings.data),
            signer=open_signer(settings.data),
            vault=open_vault(settings.data),
            outgoing=outgoing,
        )
        target = Target(deps, origins, own_key)
        try:
            return await move_everything(source, target, step, audio=audio)
        finally:
            await target.aclose()
            await outgoing.aclose()
            await store.close()
    finally:
        await source.aclose()
