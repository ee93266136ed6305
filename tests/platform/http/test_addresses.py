"""Which addresses are the internet's, and which may be asked with secrets."""

import pytest

from app.platform.http.addresses import is_acceptable, is_public


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1:248:1893:25c8:1946", True),
        ("127.0.0.1", False),
        ("127.8.8.8", False),
        ("0.0.0.0", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("ff0e::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:93.184.216.34", True),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b::5db8:d822", True),
        ("64:ff9b:1::7f00:1", False),
        ("2002:7f00:1::", False),
        ("fec0::1", False),
        ("::127.0.0.1", False),
        ("::ffff:0:127.0.0.1", False),
        ("no address", False),
    ],
)
def test_which_addresses_are_the_internets(address: str, expected: bool):
    assert is_public(address) is expected


@pytest.mark.parametrize(
    ("url", "inwards", "expected"),
    [
        ("https://example.com/x", False, True),
        ("http://example.com", True, False),
        ("http://localhost:1", True, True),
        ("http://localhost:1", False, False),
        ("https://ann:secret@example.com", False, False),
        ("https://", False, False),
        ("https://example.com:port", False, False),
        ("ftp://example.com", True, False),
    ],
)
def test_where_secrets_may_go(url: str, inwards: bool, expected: bool):
    assert is_acceptable(url, inwards=inwards) is expected
