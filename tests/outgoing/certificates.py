"""Authorities, certificates and servers that want to know who comes. All made on the spot."""

import asyncio
import datetime as dt
import ipaddress
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from outgoing.outgoing_rig import answer


@dataclass(frozen=True)
class Issued:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    def key_pem(self, passphrase: str = "") -> str:
        form = serialization.PrivateFormat.PKCS8
        way = (
            serialization.BestAvailableEncryption(passphrase.encode())
            if passphrase
            else serialization.NoEncryption()
        )
        return self.key.private_bytes(serialization.Encoding.PEM, form, way).decode()


class Authority:
    """Vouches for others."""

    def __init__(self, name: str) -> None:
        self.own = self._issue(name, None)

    @property
    def pem(self) -> str:
        return self.own.pem

    def issue(self, name: str) -> Issued:
        """Vouch for somebody, who may also be a server on loopback."""
        return self._issue(name, self.own)

    def _issue(self, name: str, by: Issued | None) -> Issued:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        now = dt.datetime.now(dt.UTC)
        day = dt.timedelta(days=1)
        loopback = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        signer = by.key if by else key
        built = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(by.certificate.subject if by else subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - day)
            .not_valid_after(now + day)
            .add_extension(x509.BasicConstraints(ca=by is None, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([loopback]), critical=False)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()),
                critical=False,
            )
        )
        if by is None:
            usage = x509.KeyUsage(
                digital_signature=True,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=True,
                crl_sign=True,
                encipher_only=False,
                decipher_only=False,
            )
            built = built.add_extension(usage, critical=True)
        return Issued(built.sign(signer, hashes.SHA256()), key)


@dataclass
class Guarded:
    """A server that lets in whom its authority vouches for."""

    url: str
    seen: list[str] = field(default_factory=list)
    """Names in the certificates that were shown."""
    heads: list[str] = field(default_factory=list)


@asynccontextmanager
async def guarded(
    folder: Path, server: Authority, clients: Authority, reply: bytes = b""
) -> AsyncIterator[Guarded]:
    """Serve HTTPS on loopback while the block runs.

    Args:
        folder: For the server's own certificate.
        server: Vouches for the server.
        clients: Vouches for those who may come.
        reply: The whole answer; empty: `{"ok": true}`.
    """
    own = server.issue("server")
    chain, key = folder / "server.pem", folder / "server-key.pem"
    chain.write_text(own.pem)
    key.write_text(own.key_pem())
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cadata=clients.pem)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(chain, key)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            found.heads.append((await reader.readuntil(b"\r\n\r\n")).decode("latin-1"))
            shown = writer.get_extra_info("peercert")
            found.seen += [value for pairs in shown["subject"] for _, value in pairs]
            writer.write(reply or answer(b'{"ok": true}', "content-type: application/json"))
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass
        finally:
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    found = Guarded(f"https://127.0.0.1:{listening.sockets[0].getsockname()[1]}/")
    try:
        yield found
    finally:
        listening.close()
