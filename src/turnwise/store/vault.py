"""Secrets that must be read again, as they lie in the database: sealed. No I/O.

A stolen database gives none of them away: the keys are in a file of the data folder. A sealed
secret is a Fernet token: AES-128-CBC under HMAC-SHA256, see github.com/fernet/spec.
"""

from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from turnwise.store.errors import SecretSealed


def new_key() -> bytes:
    """Return a key that nobody can guess."""
    return Fernet.generate_key()


class Vault:
    """Seals secrets and opens them."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        """Use keys that nobody else knows.

        Args:
            keys: The first one seals, all of them open.

        Raises:
            ValueError: If there is none, or one of them is no key of `new_key`.
        """
        self._fernet = MultiFernet([Fernet(key) for key in keys])

    def seal(self, secret: str) -> str:
        """Return a secret as it may be stored, each time another text."""
        return self._fernet.encrypt(secret.encode(errors="surrogatepass")).decode()

    def open(self, sealed: str) -> str:
        """Return a secret that was sealed.

        Raises:
            SecretSealed: If none of the keys opens it.
        """
        try:
            return self._fernet.decrypt(sealed).decode(errors="surrogatepass")
        except (InvalidToken, ValueError) as exc:
            raise SecretSealed(
                "a stored secret cannot be read, for it was sealed with another key:"
                " put back the file vault.key it was made with, or store the secret again"
            ) from exc
