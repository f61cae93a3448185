# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A certificate authority of the tests' own, and an API server in memory that knows its callers by certificates."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


class Authority:
    """Signs certificates, which are good for so many seconds; its own is in the file `certificate`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._own = self._sign(_name("authority"), self._key, 3600, x509.BasicConstraints(ca=True, path_length=None))
        self.certificate = folder / "ca.crt"
        self.certificate.write_bytes(self._own)

    def _sign(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, seconds: float, *extensions: x509.ExtensionType
    ) -> bytes:
        now = datetime.datetime.now(datetime.UTC)
        ours = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(_name("authority"))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(minutes=5))
            .not_valid_after(now + datetime.timedelta(seconds=seconds))
            .add_extension(ours, critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        )
        for extension in extensions:
            builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def issue(self, common: str, seconds: float) -> tuple[str, str]:
        """A certificate for 127.0.0.1, and its key, in PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        certificate = self._sign(_name(common), key, seconds, here, x509.BasicConstraints(ca=False, path_length=None))
        plain = serialization.NoEncryption()
        kept = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
        return certificate.decode(), kept.decode()


class _Handler(BaseHTTPRequestHandler):
    """Says who asks; a certificate that has run out is a 401 for the API server, also on an open connection."""

    protocol_version = "HTTP/1.1"
    callers: list[str]
    silent: bool

    def do_GET(self) -> None:
        given = self.connection.getpeercert(binary_form=True)
        caller = x509.load_der_x509_certificate(given) if given else None
        good = caller is not None and caller.not_valid_after_utc > datetime.datetime.now(datetime.UTC)
        name = str(caller.subject.rfc4514_string()) if caller else "nobody"
        self.callers.append(name if good else f"expired {name}")
        if self.silent and not good:
            self.close_connection = True
            return
        body = b'{"metadata": {"resourceVersion": "1"}, "items": []}' if good else b'{"message": "Unauthorized"}'
        self.send_response(200 if good else 401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    callers: list[str]

    def handle_error(self, request: object, client_address: object) -> None:
        """A handshake that fails is what is tested."""


@contextlib.contextmanager
def tls_served(
    authority: Authority, folder: Path, *, strict: bool = False, silent: bool = False
) -> Iterator[tuple[str, list[str]]]:
    """A server by TLS: its URL, and who asked.

    It takes expired certificates and answers 401, as the API server does; with `strict` it ends the handshake instead,
    as gateways do, and with `silent` the connection, as a caller may see that whose request has crossed the alert.
    """
    certificate, key = authority.issue("server", 3600)
    (folder / "server.pem").write_text(certificate + key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    context.load_verify_locations(authority.certificate)
    context.verify_mode = ssl.CERT_REQUIRED
    if not strict:
        context.verify_flags |= ssl.VerifyFlags(0x200000)  # X509_V_FLAG_NO_CHECK_TIME
    callers: list[str] = []
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"callers": callers, "silent": silent}))
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"https://127.0.0.1:{server.server_port}", callers
    finally:
        server.shutdown()
        server.server_close()
