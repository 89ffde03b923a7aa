"""The certificate of Neo4j's Bolt port: self-signed, for one static address, unable to vouch for anybody else.

MemMachine trusts exactly this certificate (it is added to the container's bundle), so it must not be an authority:
with `CA:TRUE`, openssl's default, its key could sign for any host that MemMachine talks to, the model's included.
"""

from __future__ import annotations

import datetime
import ipaddress
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from memdeploy.secret import Secret

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

LIFETIME = datetime.timedelta(days=3652)


@dataclass(frozen=True)
class Issued:
    """`certificate` is public PEM text; `bundle` is private key and certificate, the payload of the TLS secret."""

    certificate: str
    bundle: Secret
    not_after: datetime.datetime


def issue(address: str, *, now: datetime.datetime) -> Issued:
    """A new key (EC P-256) and a ten-year certificate that names `address` (an IPv4 or IPv6 address) alone."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _sign(key, ipaddress.ip_address(address), now)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    public = certificate.public_bytes(serialization.Encoding.PEM).decode()
    return Issued(public, Secret(private + public), certificate.not_valid_after_utc)


def read(bundle: Secret) -> Issued:
    """The certificate inside a stored bundle. Raises ValueError when there is none."""
    _, marker, rest = bundle.reveal().partition("-----BEGIN CERTIFICATE-----")
    if not marker:
        raise ValueError("the TLS secret holds no certificate")
    public = marker + rest
    return Issued(public, bundle, x509.load_pem_x509_certificate(public.encode()).not_valid_after_utc)


def speaks_for(certificate: str, address: str) -> bool:
    """True when the certificate (PEM) names this address."""
    names = x509.load_pem_x509_certificate(certificate.encode()).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    return ipaddress.ip_address(address) in names.value.get_values_for_type(x509.IPAddress)


def _sign(key: ec.EllipticCurvePrivateKey, address: Address, now: datetime.datetime) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"memdeploy neo4j {address}")])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=10))  # clocks differ a little
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(address)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_signature_only(), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _signature_only() -> x509.KeyUsage:
    others = dict.fromkeys(
        (
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "key_cert_sign",
            "crl_sign",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    return x509.KeyUsage(digital_signature=True, **others)
