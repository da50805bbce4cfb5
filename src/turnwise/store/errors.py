"""What can go wrong in the store."""

from turnwise.base.errors import Error


class StoreError(Error):
    """The store did not do what it was asked."""

    code = "store"


class StoreUnavailable(StoreError):
    """The database cannot be reached or is too busy; trying again may help."""

    code = "store_unavailable"
    retryable = True


class StoreConflict(StoreError):
    """What should be stored is already there."""

    code = "store_conflict"


class CursorRejected(StoreError):
    """A cursor is not one that this list gave."""

    code = "invalid_cursor"


class SignatureRejected(StoreError):
    """A conversation signature is forged, too old, or for something else."""

    code = "invalid_signature"


class SecretSealed(StoreError):
    """A stored secret was sealed with a key that this server does not have."""

    code = "secret_sealed"
