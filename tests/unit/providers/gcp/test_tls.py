"""The Bolt certificate, proved by handshakes as a client that trusts it would make them."""

from __future__ import annotations

import datetime
import ipaddress
import socket
import ssl
import threading
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from memdeploy.providers.gcp import tls

NOW = datetime.datetime.now(datetime.UTC)


def handshake(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> None:
    """One TLS handshake over loopback; raises what the client sees."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        try:
            with server.wrap_socket(connection, server_side=True) as wrapped:
                wrapped.recv(1)
        except OSError:
            pass

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with (
            socket.create_connection(listener.getsockname()) as plain,
            client.wrap_socket(plain, server_hostname=name) as s,
        ):
            s.send(b"x")
    finally:
        thread.join()
        listener.close()


def server_context(tmp_path: Path, chain: str, key: str) -> ssl.SSLContext:
    file = tmp_path / "server.pem"
    file.write_text(key + chain)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


def client_context(trusted: str, *, strict: bool = False) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=trusted)
    if strict:  # the default from Python 3.13 on
        context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context


def parts(issued: tls.Issued) -> tuple[str, str]:
    key, marker, rest = issued.bundle.reveal().partition("-----BEGIN CERTIFICATE-----")
    return key, marker + rest


@pytest.mark.parametrize("strict", [False, True])
def test_a_client_that_trusts_it_accepts_its_address(tmp_path: Path, strict: bool) -> None:
    issued = tls.issue("127.0.0.1", now=NOW)
    key, certificate = parts(issued)
    assert certificate == issued.certificate

    handshake(server_context(tmp_path, certificate, key), client_context(certificate, strict=strict), "127.0.0.1")


def test_it_does_not_speak_for_another_address(tmp_path: Path) -> None:
    key, certificate = parts(tls.issue("10.71.0.5", now=NOW))

    with pytest.raises(ssl.SSLCertVerificationError, match="IP address mismatch"):
        handshake(server_context(tmp_path, certificate, key), client_context(certificate), "127.0.0.1")


def forged(key: str, certificate: str, host: str) -> tuple[str, str]:
    """A certificate for `host`, signed with the Bolt key as if that were an authority."""
    issuer = x509.load_pem_x509_certificate(certificate.encode())
    authority = serialization.load_pem_private_key(key.encode(), None)
    assert isinstance(authority, ec.EllipticCurvePrivateKey)
    own = ec.generate_private_key(ec.SECP256R1())
    leaf = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)]))
        .issuer_name(issuer.subject)
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - datetime.timedelta(minutes=1))
        .not_valid_after(NOW + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()), critical=False)
        .sign(authority, hashes.SHA256())
    )
    private = own.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    return private, leaf.public_bytes(serialization.Encoding.PEM).decode() + certificate


def test_its_key_cannot_vouch_for_another_host(tmp_path: Path) -> None:
    key, certificate = parts(tls.issue("127.0.0.1", now=NOW))
    forged_key, chain = forged(key, certificate, "api.openai.com")

    with pytest.raises(ssl.SSLCertVerificationError, match="invalid CA certificate"):
        handshake(server_context(tmp_path, chain, forged_key), client_context(certificate), "api.openai.com")


def test_what_the_certificate_says() -> None:
    issued = tls.issue("10.71.0.5", now=NOW)
    certificate = x509.load_pem_x509_certificate(issued.certificate.encode())

    constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert constraints.critical
    assert constraints.value.ca is False
    assert usage.value.digital_signature
    assert not usage.value.key_cert_sign
    assert list(names.value) == [x509.IPAddress(ipaddress.ip_address("10.71.0.5"))]
    years = (issued.not_after - NOW).days / 365.25
    assert years == pytest.approx(10, abs=0.01)


def test_a_stored_bundle_gives_its_certificate_back() -> None:
    issued = tls.issue("10.71.0.5", now=NOW)

    again = tls.read(issued.bundle)

    assert again.certificate == issued.certificate
    assert again.not_after == issued.not_after
    assert tls.speaks_for(again.certificate, "10.71.0.5")
    assert not tls.speaks_for(again.certificate, "10.71.0.6")


def test_the_key_does_not_print() -> None:
    assert "PRIVATE" not in repr(tls.issue("10.71.0.5", now=NOW))
