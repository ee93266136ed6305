"""Every operation of the document, attacked by what Schemathesis makes of it: whatever is sent, the document holds."""

from collections.abc import Iterator

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.config import SchemathesisConfig

from tests.domain.publishing.hardening.people import Person
from tests.e2e.running import ROOT, Running

CONTRACT = ROOT / "tests" / "contract" / "openapi.json"

# No JSON Schema can say that a name is of one script, that a cursor is one that was given out, or that a permission is
# one of those installed: 422 is right there.
BEYOND_SCHEMAS = ["POST /api/users", "PUT /api/user", "POST /api/v1/accounts/users"]
BEYOND_SCHEMAS += [
    f"GET /api/v1/accounts/{path}" for path in ("users", "holders", "groups", "groups/{group_id}/members")
]
BEYOND_SCHEMAS += ["POST /api/v1/accounts/groups", "PATCH /api/v1/accounts/groups/{group_id}"]
BEYOND_SCHEMAS += ["PATCH /api/v1/accounts/me", "GET /api/v1/accounts/tokens", "POST /api/v1/accounts/tokens/named"]

config = SchemathesisConfig.from_dict(
    {
        "seed": 20261121,
        "checks": {"negative_data_rejection": {"expected-statuses": ["400", "401", "404", "405", "413", "415", "422"]}},
        "operations": [
            {
                "include-name": BEYOND_SCHEMAS,
                "checks": {"positive_data_acceptance": {"expected-statuses": ["2xx", "401", "404", "409", "422"]}},
            }
        ],
    }
)
document = schemathesis.openapi.from_path(CONTRACT, config=config)
public = document.exclude(func=lambda context: {} not in context.operation.definition.raw["security"])
bounded = settings(
    max_examples=6, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    """Connections that are kept: to open one costs more than an answer."""
    with requests.Session() as session:
        session.trust_env = False
        yield session


@public.parametrize()
@bounded
def test_anonymous(case: schemathesis.Case, server: Running, session: requests.Session):
    case.call_and_validate(base_url=server.origin, session=session)


@document.parametrize()
@bounded
def test_signed_in(case: schemathesis.Case, server: Running, session: requests.Session, superuser: Person):
    """With a superuser of its own for each operation: one of these ends all tokens."""
    case.call_and_validate(base_url=server.origin, session=session, headers=superuser.headers)
