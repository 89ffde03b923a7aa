"""The certificate authority that Cloud SQL makes for each instance, and the server certificate it signs.

`serverCaMode: GOOGLE_MANAGED_INTERNAL_CA`: one authority an instance, ten years, and a server certificate whose common
name is `project:instance`; it names no address, so clients verify the authority (`verify-ca`) and not the host
(https://cloud.google.com/sql/docs/postgres/configure-ssl-instance).
"""

from __future__ import annotations

import datetime
import hashlib
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_TEN_YEARS = datetime.timedelta(days=3650)


@dataclass(frozen=True)
class Authority:
    """PEM texts. `private_key` and `server_key` are secrets of the cloud: never in an answer."""

    certificate: str
    private_key: str
    server_certificate: str
    server_key: str


def make_authority(connection: str, qualifier: str, now: float) -> Authority:
    """`connection` is `project:region:instance`, `qualifier` any text that is new for each authority."""
    ca_key, server_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    start = datetime.datetime.fromtimestamp(now, datetime.UTC).replace(microsecond=0)
    issuer = _name("Google Cloud SQL Server CA", qualifier)
    project, _, instance = connection.partition(":")
    ca = _builder(issuer, issuer, ca_key.public_key(), start).add_extension(
        x509.BasicConstraints(ca=True, path_length=0), critical=True
    )
    ca = ca.add_extension(x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key()), critical=False)
    server = _builder(_name(f"{project}:{instance.split(':')[-1]}"), issuer, server_key.public_key(), start)
    server = server.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    server = server.add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False
    )
    return Authority(
        certificate=_pem(ca.sign(ca_key, hashes.SHA256())),
        private_key=_key_pem(ca_key),
        server_certificate=_pem(server.sign(ca_key, hashes.SHA256())),
        server_key=_key_pem(server_key),
    )


def describe(pem: str, instance: str) -> dict[str, str]:
    """The API's `SslCert` for an authority's certificate."""
    certificate = x509.load_pem_x509_certificate(pem.encode())
    return {
        "kind": "sql#sslCert",
        "cert": pem,
        "certSerialNumber": "0",
        "commonName": certificate.subject.rfc4514_string(),
        "createTime": certificate.not_valid_before_utc.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "expirationTime": certificate.not_valid_after_utc.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "instance": instance,
        # A name of the API's own, not a signature.
        "sha1Fingerprint": hashlib.sha1(_der(certificate), usedforsecurity=False).hexdigest(),
    }


def _name(common: str, qualifier: str | None = None) -> x509.Name:
    parts = [
        x509.NameAttribute(NameOID.COUNTRY_NAME, "US"),
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Google, Inc"),
        x509.NameAttribute(NameOID.COMMON_NAME, common[:64]),
    ]
    if qualifier:
        parts.append(x509.NameAttribute(NameOID.DN_QUALIFIER, qualifier))
    return x509.Name(parts)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, start: datetime.datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + _TEN_YEARS)
    )


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.DER)


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
