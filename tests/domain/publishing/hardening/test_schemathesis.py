"""Every operation of the document, attacked by what Schemathesis makes of it: whatever is sent, the document holds."""

import json
import re
from collections.abc import Iterator
from uuid import uuid4

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import BaseSchema
from schemathesis.config import SchemathesisConfig

from app.platform.idempotency import KEY
from tests.domain.publishing.hardening.people import Person
from tests.e2e.running import ROOT, Running

CONTRACT = json.loads((ROOT / "tests" / "contract" / "openapi.json").read_text(encoding="utf-8"))
OPERATIONS = {
    f"{method.upper()} {path}": operation
    for path, methods in CONTRACT["paths"].items()
    for method, operation in methods.items()
}
PUBLIC = [label for label, operation in OPERATIONS.items() if {} in operation["security"]]

# No JSON Schema can say that a name is of one script, that a cursor is one that was given out, or that a permission is
# one of those installed, or a password the right one: 422 is right there; and 410 where a link never was one.
BEYOND_SCHEMAS = ["POST /api/users", "PUT /api/user", "POST /api/v1/accounts/users"]
BEYOND_SCHEMAS += [
    f"GET /api/v1/accounts/{path}"
    for path in ("users", "holders", "groups", "groups/{group_id}/members", "invitations")
]
BEYOND_SCHEMAS += ["POST /api/v1/accounts/invitations"]
BEYOND_SCHEMAS += ["POST /api/v1/accounts/groups", "PATCH /api/v1/accounts/groups/{group_id}"]
BEYOND_SCHEMAS += ["PATCH /api/v1/accounts/me", "GET /api/v1/accounts/tokens", "POST /api/v1/accounts/tokens/named"]
PURPOSES = ("join", "verify", "reset", "change", "sign-in")
BEYOND_SCHEMAS += ["POST /api/v1/accounts/me/deletion", *(f"POST /api/v1/accounts/links/{one}" for one in PURPOSES)]
BEYOND_SCHEMAS += [f"POST /api/v1/accounts/links/{one}/follow" for one in PURPOSES]
# … and that of several answers there must be one, or that a passkey was asked.
GUESSED = [f"POST /api/v1/accounts/{path}" for path in ("proof", "tokens/second-factor", "session/second-factor")]
BEYOND_SCHEMAS += ["POST /api/v1/accounts/passkeys", "POST /api/v1/accounts/providers", "GET /api/v1/jobs"]
BEYOND_SCHEMAS += ["GET /api/v1/notifications", "POST /api/v1/notifications/unsubscriptions"]
# What asks a provider's server: there is none where the examples say.
ELSEWHERE = [f"POST /api/v1/accounts/{path}/{{provider}}" for path in ("session/openid", "identities")]
# … nor that an address is one of https, or that of two moments one is the later.
BEYOND_SCHEMAS += [f"{method} /api/v1/webhooks/endpoints" for method in ("GET", "POST")]
BEYOND_SCHEMAS += [
    f"{way[0]} /api/v1/webhooks/endpoints/{{endpoint_id}}{way[1]}"
    for way in (("PATCH", ""), ("GET", "/deliveries"), ("POST", "/replays"))
]
BEYOND_SCHEMAS += [f"GET /api/v1/audit/{path}" for path in ("entries", "{table}/{key}", "{table}/{key}/row")]
BEYOND_SCHEMAS += ["POST /api/v1/audit/{table}/{key}/revert"]
OUR_PAGE = {"Sec-Fetch-Site": "same-origin"}  # else what gives out cookies refuses everything

REJECTED = ["400", "401", "403", "404", "405", "410", "413", "415", "422"]
ACCEPTED = ["2xx", "401", "403", "404", "409", "410", "422"]
CHECKS = {"negative_data_rejection": {"expected-statuses": REJECTED}}
LENIENT = [
    {
        "include-name": BEYOND_SCHEMAS,
        "checks": {"positive_data_acceptance": {"expected-statuses": ACCEPTED}},
    },
    {
        "include-name": GUESSED,  # a few times, then no more
        "checks": {
            "positive_data_acceptance": {"expected-statuses": [*ACCEPTED, "429"]},
            "negative_data_rejection": {"expected-statuses": [*REJECTED, "429"]},
        },
    },
    {
        "include-name": ELSEWHERE,
        "checks": {"not_a_server_error": {"expected-statuses": ["2xx", "3xx", "4xx", "503"]}},
    },
]
bounded = settings(
    max_examples=6, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
attacked = schemathesis.pytest.from_fixture("document")
# Every edge of every value, forty requests an operation: who sends them changes nothing of how they are read.
EDGES, NO_EDGES = {"coverage": {"enabled": True}}, {"coverage": {"enabled": False}}


@pytest.fixture
def document(request: pytest.FixtureRequest) -> BaseSchema:
    """The document, with all operations but one switched off, and these phases.

    What that one is attacked with is thought up when its test runs. For all of them it takes four seconds, which each
    worker would spend on collecting its tests.
    """
    request.node._nodeid = request.node.nodeid  # there Schemathesis 4.32 looks for it, and pytest 9.2 has it elsewhere
    attacked, phases = request.param
    others = {"include-name": [label for label in OPERATIONS if label != attacked], "enabled": False}
    # NUL is in no text that PostgreSQL holds: what becomes of it is tested by itself, and no schema repeats it.
    making = {"allow-x00": False}
    config = {"seed": 20261121, "generation": making, "phases": phases, "checks": CHECKS}
    config["operations"] = [others, *LENIENT]
    return schemathesis.openapi.from_dict(CONTRACT, config=SchemathesisConfig.from_dict(config))


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    """Connections that are kept: to open one costs more than an answer."""
    with requests.Session() as session:
        session.trust_env = False
        yield session


@pytest.mark.parametrize("document", [(label, NO_EDGES) for label in PUBLIC], ids=PUBLIC, indirect=True)
@attacked.parametrize()
@bounded
def test_whatever_nobody_asks_is_answered_as_documented(
    case: schemathesis.Case, server: Running, session: requests.Session
):
    case.call_and_validate(base_url=server.origin, session=session, headers=OUR_PAGE)


@pytest.mark.parametrize("document", [(label, EDGES) for label in OPERATIONS], ids=OPERATIONS, indirect=True)
@attacked.parametrize()
@bounded
def test_whatever_a_superuser_asks_is_answered_as_documented(
    case: schemathesis.Case, server: Running, session: requests.Session, superuser: Person
):
    """With a superuser of its own for each operation, for one of these ends all tokens; and no key is used twice."""
    headers = superuser.headers | OUR_PAGE
    if re.fullmatch(KEY, (case.headers or {}).get("Idempotency-Key", "")):
        headers |= {"Idempotency-Key": str(uuid4())}
    case.call_and_validate(base_url=server.origin, session=session, headers=headers)
