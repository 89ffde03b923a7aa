import datetime as dt

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from memdeploy.rehearsal.backing.authority import relay_certificate

NOW = dt.datetime(2026, 11, 22, tzinfo=dt.UTC)


def test_the_relays_certificate_is_vouched_for_by_its_authority() -> None:
    authority, relay = relay_certificate(["secretmanager.googleapis.com", "*.googleapis.com"], NOW)
    certificate = x509.load_pem_x509_certificate(relay.encode())
    key = load_pem_private_key(relay.encode(), None)
    assert key.public_key() == certificate.public_key()
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(authority.encode()))
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["secretmanager.googleapis.com", "*.googleapis.com"]


def test_no_two_machines_share_an_authority() -> None:
    first, second = (relay_certificate(["a.googleapis.com"], NOW) for _ in range(2))
    authority = x509.load_pem_x509_certificate(first[0].encode())
    other = x509.load_pem_x509_certificate(second[1].encode())
    with pytest.raises(InvalidSignature):
        other.verify_directly_issued_by(authority)
