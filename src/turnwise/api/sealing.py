"""Keeping what users must not read again."""

from turnwise.api.deps import Deps
from turnwise.api.errors import NotOffered
from turnwise.store import Vault


def vault_of(deps: Deps) -> Vault:
    """Return what seals secrets.

    Raises:
        NotOffered: If this server can keep none.
    """
    if deps.vault is None:
        raise NotOffered("This server has no key to keep secrets with.")
    return deps.vault
