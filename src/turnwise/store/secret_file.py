"""Secrets of this server that live in a file: made on the first start, readable by its owner."""

import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

LENGTH_BYTES = 32


def random_bytes() -> bytes:
    """Return a secret that nobody can guess."""
    return secrets.token_bytes(LENGTH_BYTES)


def load_secret(path: Path, make: Callable[[], bytes] = random_bytes) -> bytes:
    """Return the secret in a file; make both where there is none.

    Processes that start together agree on one secret: it is written beside its place and then
    given its name, which succeeds for one of them only.

    Args:
        path: Of the file.
        make: Makes a secret.

    Raises:
        OSError: If the file can be neither read nor made.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
        draft.touch(mode=0o600, exist_ok=False)
        try:
            draft.write_bytes(make())
            with suppress(FileExistsError):
                path.hardlink_to(draft)
        finally:
            draft.unlink()
    return path.read_bytes()
