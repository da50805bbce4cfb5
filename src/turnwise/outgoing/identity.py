"""A certificate by which we prove to a server who we are (mutual TLS)."""

import ssl
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

from turnwise.outgoing.errors import OutgoingRefused


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCertificate:
    """The certificate and its key, as PEM texts."""

    certificate: str
    """With those between it and its authority behind it, if there are any."""
    key: str = field(repr=False)
    passphrase: str = field(default="", repr=False)
    """Of the key; empty: it has none."""
    authority: str = ""
    """Who vouches for the server, beside those that are known anyway; empty: nobody else."""


def context_of(identity: ClientCertificate) -> ssl.SSLContext:
    """Return the TLS settings of connections that show a certificate. Reads and writes files.

    Raises:
        OutgoingRefused: If it cannot be used; quotes nothing of it.
    """
    context = httpx2.create_ssl_context()
    try:
        if identity.authority:
            context.load_verify_locations(cadata=identity.authority)
        with tempfile.TemporaryDirectory() as folder:  # only its owner may look into it
            chain, key = Path(folder, "chain.pem"), Path(folder, "key.pem")
            chain.write_text(identity.certificate, encoding="ascii")
            key.write_text(identity.key, encoding="ascii")
            # a text, so that OpenSSL does not ask for one at the terminal
            context.load_cert_chain(chain, key, password=identity.passphrase)
    except (ssl.SSLError, ValueError, OSError) as exc:
        raise OutgoingRefused("the client certificate, its key or its authority is none") from exc
    return context
