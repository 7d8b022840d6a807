"""Certificates of an authority of the tests' own: good, of another host, expired, and of an authority nobody knows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NOW = datetime.now(UTC)


@dataclass(frozen=True)
class Authority:
    folder: Path
    name: str = "tests"

    def __post_init__(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        object.__setattr__(self, "_key", key)
        object.__setattr__(self, "_cert", _certificate(self.name, key, self.name, key, ca=True))
        Path(self.ca).write_bytes(self._cert.public_bytes(serialization.Encoding.PEM))  # type: ignore[attr-defined]

    @property
    def ca(self) -> str:
        """The file of the authority's own certificate."""
        return str(self.folder / f"{self.name}-ca.pem")

    def certificate(self, host: str = "127.0.0.1", days: int = 1) -> str:
        """A file with a certificate and its key. ``days``: how long it is valid; below 0: since when it is not."""
        key = ec.generate_private_key(ec.SECP256R1())
        made = _certificate(host, key, self.name, self._key, days=days)  # type: ignore[attr-defined]
        path = self.folder / f"{self.name}-{host}-{days}.pem"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + made.public_bytes(serialization.Encoding.PEM)
        )
        return str(path)


def _certificate(subject: str, key: Any, issuer: str, issuer_key: Any, *, days: int = 1, ca: bool = False) -> Any:
    def name(common: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])

    made = (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=400))
        .not_valid_after(NOW + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
    if not ca:
        other = x509.IPAddress(ip_address(subject)) if subject[0].isdigit() else x509.DNSName(subject)
        made = made.add_extension(x509.SubjectAlternativeName([other]), critical=False)
    return made.sign(issuer_key, hashes.SHA256())
