"""Hostile requests against a real server, below what a route sees: hosts, paths, methods, headers, slow clients."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest

from tests.domain.publishing.hardening.people import Person
from tests.domain.publishing.hardening.wire import HOST, JSON, PATIENCE, ask, request
from tests.e2e.running import Running


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", id="TLS on a plain port"),
        pytest.param(b"GET /\r\n\r\n", id="HTTP/0.9"),
        pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", id="HTTP/2"),
        pytest.param(b"GET  /health HTTP/1.1\r\nHost: a\r\n\r\n", id="two spaces"),
        pytest.param(request("GET", b"/api/articles/a\0b"), id="NUL in the path"),
        pytest.param(request("GET", b"/api/articles/\xff\xfe"), id="path not UTF-8"),
        pytest.param(request("GET", b"/api/articles?tag=\xff"), id="query not UTF-8"),
        pytest.param(request("GET", "/health", b"X-Mark: a\0b"), id="NUL in a header"),
        pytest.param(request("GET", "/health", b"X-Mark : a"), id="space before the colon"),
        pytest.param(request("GET", "/health", b"Authorization: Token a\x01b"), id="control in a header"),
        pytest.param(request("POST", "/api/users", b"Content-Length: -1"), id="negative length"),
        pytest.param(request("POST", "/api/users", b"Content-Length: 2", b"Content-Length: 3"), id="two lengths"),
        pytest.param(request("POST", "/api/users", b"Transfer-Encoding: gzip, banana"), id="unknown encoding"),
    ],
)
def test_what_is_no_http_is_refused_by_the_server_itself(server: Running, sent: bytes):
    answered = ask(server.port, sent)
    assert answered is None or (answered.status, answered.body) == (400, b"")


@pytest.mark.parametrize("target", ["/health", "/api/tags", "/nowhere"])
@pytest.mark.parametrize(
    "hosts",
    [
        pytest.param([], id="none"),
        pytest.param([b"Host:"], id="an empty one"),
        pytest.param([b"Host:", b"Host: a.example"], id="two, one of them empty"),
        pytest.param([b"Host: a.example", b"Host: b.example"], id="two"),
        pytest.param([b"Host: a.example", b"Host: a.example"], id="twice the same"),
    ],
)
def test_a_request_names_one_host(answer, target: str, hosts: list[bytes]):
    refused = answer(request("GET", target, *hosts, host=None)).problem(400)
    assert refused.errors == {"host": ["must be given once"]}
    assert refused.instance == target


def test_a_host_that_is_none_is_refused(answer):
    answer(request("GET", "/health", b"Host: a b/<script>", host=None)).problem(400)


def test_an_old_load_balancer_may_leave_the_host_out(answer):
    assert answer(b"GET /health HTTP/1.0\r\n\r\n").status == 200


@pytest.mark.parametrize(
    "target",
    [
        "/",
        "/nowhere",
        "/api",
        "/api/profiles/",
        "//api/tags",
        "/api//tags",
        "/api/tags//",
        "/api/articles//",
        "/api/articles//comments",
        "/api%2Ftags",
        "/api%2ftags",
        "/api/articles/a%2Fb",
        "/api/articles/..%2f..%2fetc%2fpasswd",
        "/api/../health",
        "/%2e%2e/health",
        "/api/articles/%00",
        "/api/articles/a%00b",
        "/api/profiles/a%00b",
        "/api/articles/%ff%fe",
        "/api/articles/%ed%a0%80",
        "/api/articles/%zz",
        "/api/articles/%20",
        "/api/articles/.",
        "/docs/..%5c..%5cconfig",
        "/docs/start.js/../../x",
        "/problems/%3Cscript%3E",
        "/api/articles/" + "a" * 256,
        "/api/profiles/" + quote("é" * 256),
        "/api/profiles/" + "a" * 8_000,
        "*",
    ],
    ids=lambda target: target[:40],
)
def test_a_path_that_leads_nowhere_is_not_found(answer, target: str):
    refused = answer(request("GET", target)).problem(404)
    assert "<" not in refused.instance


@pytest.mark.parametrize("verb", ["POST", "DELETE"])
def test_an_empty_slug_does_not_reach_the_article_named_like_the_rest(answer, person: Person, verb: str):
    draft = b'{"article": {"title": "favorite", "description": "d", "body": "b"}}'
    assert answer(request("POST", "/api/articles", JSON, body=draft, token=person.token)).status == 201
    answer(request(verb, "/api/articles//favorite", token=person.token)).problem(404)


@pytest.mark.parametrize(
    "token_id",
    [
        "1",
        "current%00",
        "019c1319-6bc0-7a5e-8e6f-0c9d4b7a2f3",
        "019c13196bc07a5e8e6f0c9d4b7a2f31",
        "{019c1319-6bc0-7a5e-8e6f-0c9d4b7a2f31}",
        "urn:uuid:019c1319-6bc0-7a5e-8e6f-0c9d4b7a2f31",
        "019c1319-6bc0-7a5e-8e6f-0c9d4b7a2f31",
        "%D9%A019c1319-6bc0-7a5e-8e6f-0c9d4b7a2f31",
    ],
)
def test_an_id_that_is_none_of_ones_own_is_not_found(answer, person: Person, token_id: str):
    answer(request("DELETE", f"/api/v1/accounts/tokens/{token_id}", token=person.token)).problem(404)


@pytest.mark.parametrize("method", ["PATCH", "DELETE", "TRACE", "CONNECT", "QUERY", "BREW", "get", "PROPFIND"])
def test_a_wrong_method_is_told_the_right_ones(answer, method: str):
    target = "litehouse.example:80" if method == "CONNECT" else "/api/articles"
    answered = answer(request(method, target))
    if method == "CONNECT":
        answered.problem(404)
        return
    assert answered.problem(405).errors == {"method": ["not allowed"]}
    assert answered.headers["allow"] == "GET, HEAD, OPTIONS, POST"


@pytest.mark.parametrize(
    ("target", "methods"),
    [
        ("/health", "GET, HEAD, OPTIONS"),
        ("/api/users", "OPTIONS, POST"),
        ("/api/articles", "GET, HEAD, OPTIONS, POST"),
        ("/api/articles/whales", "DELETE, GET, HEAD, OPTIONS, PUT"),
        ("/api/articles/whales/comments/1", "DELETE, OPTIONS"),
    ],
)
def test_options_tells_every_method(answer, target: str, methods: str):
    told = answer(request("OPTIONS", target))
    assert (told.status, told.headers["allow"], told.body) == (204, methods, b"")
    assert told.headers["x-request-id"]


def test_options_of_what_is_not_there_is_not_found(answer):
    answer(request("OPTIONS", "/nowhere")).problem(404)


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param([b"Origin: https://evil.example", b"Access-Control-Request-Method: PUT"], id="origin"),
        pytest.param([b"Origin: https://evil.example"], id="without a method"),
        pytest.param([b"Origin: \xff", b"Access-Control-Request-Method: PUT"], id="garbage"),
    ],
)
def test_a_preflight_from_elsewhere_is_refused(answer, asked: list[bytes]):
    refused = answer(request("OPTIONS", "/api/articles", *asked))
    assert "CORS" in refused.problem(400).detail
    assert "access-control-allow-origin" not in refused.headers


@pytest.mark.parametrize(
    "target",
    [
        "/health",
        "/ready",
        "/openapi.json",
        "/docs",
        "/problems",
        "/problems/invalid",
        "/api/tags",
        "/api/articles?limit=2",
    ],
)
def test_head_is_get_without_the_body(answer, target: str):
    whole, head = answer(request("GET", target)), answer(request("HEAD", target))
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-type"] == whole.headers["content-type"]
    assert head.headers["content-length"] == str(len(whole.body))


@pytest.mark.parametrize(("target", "status"), [("/nowhere", 404), ("/api/users", 405), ("/api/user", 401)])
def test_head_is_refused_as_get_is(answer, target: str, status: int):
    refused = answer(request("HEAD", target))
    assert (refused.status, refused.body) == (status, b"")
    assert refused.headers["content-type"] == "application/problem+json"


GARBAGE = [
    b"",
    b"Token",
    b"Token ",
    b"Bearer",
    b"garbage",
    b"Basic YTpi",
    b"Token a b",
    b"Token \xff\xfe",
    "Token é".encode(),
    b"Token \xd9\xa1",
    b"Token " + b"a" * 10_000,
    b"Token null",
    b"Token undefined",
    b"Bearer eyJhbGciOiJub25lIn0.e30.",
    b"Token ' OR 1=1 --",
]


@pytest.mark.parametrize("target", ["/api/tags", "/api/user", "/api/articles/unknown", "/health"])
@pytest.mark.parametrize("value", GARBAGE, ids=lambda value: repr(value[:30]))
def test_a_credential_that_is_none_is_invalid_everywhere(answer, target: str, value: bytes):
    refused = answer(request("GET", target, b"Authorization: " + value))
    assert refused.problem(401).errors == {"token": ["is invalid"]}
    assert refused.headers["www-authenticate"] == "Bearer"


def test_of_two_credentials_none_is_good(answer, person: Person):
    mine = f"Authorization: Token {person.token}".encode()
    assert answer(request("GET", "/api/user", mine)).status == 200
    answer(request("GET", "/api/user", mine, b"Authorization: Token x")).problem(401)
    answer(request("GET", "/api/user", b"Authorization: Token x", mine)).problem(401)
    answer(request("GET", "/api/user", mine, mine)).problem(401)


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param([b"X-Mark: " + b"a" * 30_000], id="a large one"),
        pytest.param([b"X-Mark-%d: a" % number for number in range(2_000)], id="many"),
        pytest.param([b"X-Mark: " + b"a" * 3_000_000], id="a huge one"),
    ],
)
def test_large_headers_are_refused_by_the_server_itself(answer, headers: list[bytes]):
    assert answer(request("GET", "/health", *headers)).status == 431


@pytest.mark.parametrize("sent", [b"a" * 129, b"a b", "é".encode(), b"<script>", b"a,b", b""], ids=repr)
def test_a_hostile_request_id_is_replaced(answer, sent: bytes):
    refused = answer(request("GET", "/nowhere", b"X-Request-ID: " + sent))
    assert refused.problem(404).request_id.encode() != sent


def test_a_sane_request_id_is_kept(answer):
    assert answer(request("GET", "/nowhere", b"X-Request-ID: r-1.a_b")).problem(404).request_id == "r-1.a_b"


SLOW = {
    "silent": [b""],
    "stopped in the middle": [b"GET /health HTTP/1.1\r\n" + HOST],
    "dripping": [b"GET /health HTTP/1.1\r\nX-Drip: ", *[b"a"] * 60],
    "without its body": [b"POST /api/users HTTP/1.1\r\n" + HOST + b"\r\n" + JSON + b"\r\nContent-Length: 9\r\n\r\n{"],
}


def test_slow_clients_are_cut_off_and_delay_nobody(server: Running, answer):
    with ThreadPoolExecutor(len(SLOW)) as clients:
        slow = {name: clients.submit(heard_until_closed, server.port, *pieces) for name, pieces in SLOW.items()}
        while not all(one.done() for one in slow.values()):
            assert answer(request("GET", "/health")).status == 200
            time.sleep(0.2)
    heard = {name: one.result() for name, one in slow.items()}
    assert heard.pop("without its body").startswith(b"HTTP/1.1 408 ")
    assert set(heard.values()) == {b""}


def heard_until_closed(port: int, *pieces: bytes) -> bytes:
    """What the server says until it closes; the pieces are sent a fifth of a second apart."""
    waiting, heard = list(pieces), b""
    deadline = time.monotonic() + PATIENCE
    with socket.create_connection(("127.0.0.1", port), 0.2) as connection:
        while time.monotonic() < deadline:
            try:
                if waiting:
                    connection.sendall(waiting.pop(0))
                received = connection.recv(10_000)
            except TimeoutError:
                continue
            except ConnectionError:
                return heard
            if not received:
                return heard
            heard += received
    pytest.fail(f"still open after {PATIENCE} s")
