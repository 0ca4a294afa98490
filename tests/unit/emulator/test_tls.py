"""The emulator's certificate."""

import datetime as dt
import stat

import pytest
from cryptography import x509

from service.emulator.tls import certificate_in, make_certificate, private_key_in, server_context


def test_the_certificate_is_for_loopback_names(tmp_path):
    """It vouches for the loopback names and nothing else, is valid now, and its key is private."""
    files = make_certificate(tmp_path)
    certificate = x509.load_pem_x509_certificate(files.certificate_file.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value

    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert {"127.0.0.1", "::1"} == {str(each) for each in names.get_values_for_type(x509.IPAddress)}
    assert certificate.not_valid_before_utc < dt.datetime.now(dt.UTC) < certificate.not_valid_after_utc
    assert stat.S_IMODE(files.private_key_file.stat().st_mode) == 0o600
    assert server_context(files).get_ca_certs() == []


def test_keys_are_used_again(tmp_path):
    """A directory keeps its certificate and key, so clients that trust them go on doing so."""
    first, key = certificate_in(tmp_path), private_key_in(tmp_path)[1]
    before = [first.certificate_file.read_bytes(), key.read_bytes()]

    certificate_in(tmp_path)
    private_key_in(tmp_path)

    assert before == [first.certificate_file.read_bytes(), key.read_bytes()]


def test_a_file_that_is_no_key(tmp_path):
    """A file of something else is not overwritten."""
    (tmp_path / "connected-app-key.pem").write_text("mine")

    with pytest.raises(ValueError, match="PEM"):
        private_key_in(tmp_path)
