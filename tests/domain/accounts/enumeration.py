"""Whether the time of an answer tells that an address has an account: at sign-in, sign-up, and where links are mailed.

    python -m tests.domain.accounts.enumeration [--samples N]

One worker, with passwords hashed as in production and a PostgreSQL that waits for its disk. One client asks for an
address that is known and for two that are not, in an order drawn anew each time; the second unknown one shows what
chance alone does to the ratio. Prints medians; exits non-zero where known and unknown differ by more than 5 %.
"""

import argparse
import asyncio
import json
import statistics
import sys
import time
from http.client import HTTPConnection
from random import Random
from typing import NamedTuple

import asyncpg

from app.platform.passwords import PasswordHasher
from tests.databases import durable
from tests.e2e.serving import serving

TOLERANCE, USERS, WARMING = 0.05, 500, 20
LINKS = "/api/v1/accounts/links"


class Door(NamedTuple):
    """Where an address is told, and the status that all are answered with."""

    name: str
    path: str
    status: int
    more: dict[str, str]


DOORS = (
    Door("sign in", "/api/v1/accounts/tokens", 401, {"password": "a wrong guess"}),
    Door("sign up by a link", f"{LINKS}/join", 202, {}),
    Door("link to a new password", f"{LINKS}/reset", 202, {}),
    Door("link to sign in", f"{LINKS}/sign-in", 202, {}),
)


def main() -> None:
    """Make users, serve, ask, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=200)
    samples = parser.parse_args().samples
    with durable("enumeration") as url:
        asyncio.run(_fill(url))
        with serving(url) as server:
            print(f"{'medians of ' + str(samples) + ', ms':28}{'known':>9}{'unknown':>9}{'ratio':>8}{'by chance':>11}")
            ratios = [_line(door, _sampled(server.port, door, samples)) for door in DOORS]
    sys.exit(any(abs(ratio - 1) > TOLERANCE for ratio in ratios))


async def _fill(url: str) -> None:
    password = await PasswordHasher(workers=1, queue=0).hash("correct horse battery staple")
    connection = await asyncpg.connect(url)
    await connection.execute(
        "INSERT INTO accounts_user (username, email, password)"
        " SELECT 'known-' || n, 'known-' || n || '@example.com', $1 FROM generate_series(0, $2::int - 1) AS n",
        password,
        USERS,
    )
    await connection.execute("VACUUM ANALYZE")
    await connection.close()


def _sampled(port: int, door: Door, samples: int) -> dict[str, list[float]]:
    """Milliseconds of each answer, by the kind of address."""
    connection, order = HTTPConnection("127.0.0.1", port), Random(7)
    taken: dict[str, list[float]] = {"known": [], "unknown": [], "also unknown": []}
    for number in range(WARMING + samples):
        for kind in order.sample(sorted(taken), 3):
            # Of one length, so that nothing but the account differs.
            name = "known" if kind == "known" else "nobod" if kind == "unknown" else "noone"
            email = f"{name}-{number % USERS}@example.com"
            milliseconds = _asked(connection, door, email)
            if number >= WARMING:
                taken[kind].append(milliseconds)
    connection.close()
    return taken


def _asked(connection: HTTPConnection, door: Door, email: str) -> float:
    body = json.dumps({"email": email, **door.more})
    began = time.perf_counter()
    connection.request("POST", door.path, body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    answer.read()
    milliseconds = (time.perf_counter() - began) * 1000
    if answer.status != door.status:
        message = f"{door.path} answered {answer.status} for {email}"
        raise RuntimeError(message)
    return milliseconds


def _line(door: Door, taken: dict[str, list[float]]) -> float:
    """Print one door's medians; known over unknown."""
    known, unknown, other = (statistics.median(taken[kind]) for kind in ("known", "unknown", "also unknown"))
    print(f"{door.name:28}{known:9.2f}{unknown:9.2f}{known / unknown:8.3f}{other / unknown:11.3f}", flush=True)
    return known / unknown


if __name__ == "__main__":
    main()
