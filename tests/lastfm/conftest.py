"""A network for the tests: no proxies of the machine, and one certificate that is trusted."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from .faces import FACES, Face


@pytest.fixture(params=FACES, ids=["async", "sync"])
def face(request: pytest.FixtureRequest) -> Face:
    chosen: Face = request.param
    return chosen


def tls_of(folder: Path) -> ssl.SSLContext:
    """A server's side of TLS, by a certificate for 127.0.0.1 that it signed itself; the file is named `pem`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a loopback")])
    start = datetime.now(UTC) - timedelta(days=1)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, start, start + timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    (folder / "pem").write_bytes(private + certificate.public_bytes(pem))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(folder / "pem")
    return tls


@pytest.fixture(scope="session")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    folder = tmp_path_factory.mktemp("trusted")
    return tls_of(folder), folder / "pem"


@pytest.fixture(scope="session")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    return tls_of(tmp_path_factory.mktemp("stranger"))


@pytest.fixture(autouse=True)
def network(monkeypatch: pytest.MonkeyPatch, trusted: tuple[ssl.SSLContext, Path]) -> None:
    """One certificate instead of the machine's 140 also makes a client in a millisecond instead of sixty."""
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted[1]))
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
