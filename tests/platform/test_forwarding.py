"""Whose word about a client is taken: of the proxies in the settings, from the right, and of nobody else."""

import pytest

from app.main import create_app
from app.platform.forwarding import Forwarded
from config.rates import as_networks
from config.settings import load

PROXIES = as_networks("10.0.0.0/8, fd00::/8")


async def client_of(peer, *forwarded, trusted=PROXIES, kind="http"):
    """The client that the application sees."""
    seen = []

    async def app(scope, receive, send):
        seen.append(scope["client"])

    scope = {"type": kind, "client": peer, "headers": [(b"x-forwarded-for", text.encode()) for text in forwarded]}
    await Forwarded(app, trusted)(scope, None, None)
    assert scope["client"] == seen[0], "the log is made of the outer scope"
    return seen[0]


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        pytest.param("10.0.0.1", ["192.0.2.1"], "192.0.2.1", id="by a proxy"),
        pytest.param("10.0.0.1", ["203.0.113.9, 192.0.2.1"], "192.0.2.1", id="left of it is the client's own claim"),
        pytest.param("10.0.0.1", ["203.0.113.9", "192.0.2.1"], "192.0.2.1", id="in two headers"),
        pytest.param("10.0.0.1", ["192.0.2.1, 10.0.0.2, fd00::1"], "192.0.2.1", id="three proxies"),
        pytest.param("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3", id="nobody but proxies"),
        pytest.param("192.0.2.7", ["203.0.113.9"], "192.0.2.7", id="a stranger's word"),
        pytest.param("192.0.2.7", ["10.0.0.9, 10.0.0.8"], "192.0.2.7", id="a stranger who names proxies"),
        pytest.param("10.0.0.1", ["192.0.2.1, unknown"], "10.0.0.1", id="no address"),
        pytest.param("10.0.0.1", ["192.0.2.1, "], "10.0.0.1", id="an empty hop"),
        pytest.param("10.0.0.1", ["192.0.2.1:4711"], "192.0.2.1", id="with a port"),
        pytest.param("10.0.0.1", ["[2001:db8::1]:4711"], "2001:db8::1", id="IPv6 with a port"),
        pytest.param("10.0.0.1", ["2001:db8::1"], "2001:db8::1", id="IPv6"),
        pytest.param("::ffff:10.0.0.1", ["192.0.2.1"], "192.0.2.1", id="a proxy on a socket for both"),
        pytest.param("10.0.0.1", [], "10.0.0.1", id="nothing said"),
    ],
)
async def test_the_client_is_the_last_hop_that_is_no_proxy(peer, forwarded, client):
    assert await client_of((peer, 4711), *forwarded) == (client, 4711)
    assert await client_of((peer, 4711), *forwarded, kind="websocket") == (client, 4711)


async def test_a_server_on_a_socket_without_addresses_has_no_client():
    assert await client_of(None, "192.0.2.1") is None


@pytest.mark.parametrize(("trusted", "stands"), [("", False), ("127.0.0.1", True)], ids=["none", "one"])
def test_it_stands_before_everything_where_proxies_are_trusted(database_url, trusted, stands):
    environ = {"DATABASE_URL": database_url, "LITEHOUSE_ENVIRONMENT": "test", "LITEHOUSE_TRUSTED_PROXIES": trusted}
    assert isinstance(create_app(load(None, environ)).asgi_handler, Forwarded) is stands
