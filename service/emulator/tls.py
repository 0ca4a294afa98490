"""The emulator's own TLS certificate: self-signed, for the loopback names only."""

import datetime as dt
import ipaddress
import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_LIFETIME = dt.timedelta(days=397)
_BACKDATED = dt.timedelta(days=1)  # a client whose clock is a little behind still accepts it


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate and its key, as files in PEM."""

    certificate_file: Path
    """What a client passes as its trusted root to verify the emulator."""
    private_key_file: Path
    """Readable by its owner only."""


def private_key_in(directory: Path) -> tuple[rsa.RSAPrivateKey, Path]:
    """Return the connected app's key of a directory and its file, made when it is not there yet.

    Args:
        directory: Must exist.

    Raises:
        ValueError: The file is there and holds no RSA key.

    """
    file = directory / "connected-app-key.pem"
    if file.exists():
        # It was written by `write_private_key`: to look whether its primes are any takes longer than to start the rest.
        key = serialization.load_pem_private_key(file.read_bytes(), password=None, unsafe_skip_rsa_key_validation=True)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise ValueError(f"{file} holds no RSA key: delete it to have one made")
        return key, file
    fresh = new_private_key()
    write_private_key(fresh, file)
    return fresh, file


def certificate_in(directory: Path) -> Certificate:
    """Return the certificate of a directory, made anew when it is not there or about to expire.

    Args:
        directory: Must exist.

    Raises:
        ValueError: The file is there and holds no certificate.

    """
    files = _files(directory)
    if files.certificate_file.exists() and files.private_key_file.exists():
        present = x509.load_pem_x509_certificate(files.certificate_file.read_bytes())
        if present.not_valid_after_utc - _BACKDATED > dt.datetime.now(dt.UTC):
            return files
    return make_certificate(directory)


def new_private_key() -> rsa.RSAPrivateKey:
    """Make a 2048-bit RSA key; takes about a tenth of a second."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def write_private_key(key: rsa.RSAPrivateKey, file: Path) -> None:
    """Write a key as unencrypted PKCS #8 PEM, readable by its owner only.

    Args:
        key: The key.
        file: Target; replaced when present.

    """
    file.unlink(missing_ok=True)
    file.touch(mode=0o600)
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


def make_certificate(directory: Path) -> Certificate:
    """Make a certificate for `localhost`, `127.0.0.1` and `::1` that signs itself.

    It is its own authority, so nothing else has to be trusted, and it can vouch for no other name.

    Args:
        directory: Where both files are written; must exist.

    """
    key = new_private_key()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Sluicegate emulator")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + _LIFETIME)
        .add_extension(_loopback_names(), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    files = _files(directory)
    files.certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    write_private_key(key, files.private_key_file)
    return files


def server_context(certificate: Certificate) -> ssl.SSLContext:
    """Return a context that serves the certificate over TLS 1.2 or newer, as Salesforce does."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate.certificate_file, certificate.private_key_file)
    return context


def _files(directory: Path) -> Certificate:
    return Certificate(directory / "certificate.pem", directory / "certificate-key.pem")


def _loopback_names() -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName(
        [
            x509.DNSName("localhost"),
            x509.IPAddress(ipaddress.IPv4Address("127.0.0.1")),
            x509.IPAddress(ipaddress.IPv6Address("::1")),
        ]
    )
