"""Clients that write, each under a key of its own, and repeat what failed until it is acknowledged."""

import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from http.client import HTTPConnection, HTTPException
from random import Random
from typing import Self

from tests.chaos.scenario import Write

TIMEOUT = 8.0  # seconds for an answer
AGAIN = 0.1  # seconds between tries
PAUSE = (0.0, 0.2)  # seconds between writes
REPLAYED = "Idempotency-Replayed"
# What a client does about: too early, being worked on by another, and all that is told by 503.
REPEATED = {409, 503}


@dataclass
class Attempted:
    """What became of a write: the first answer that said so, and the number of tries."""

    write: Write
    key: str
    token: str
    status: int = 0
    body: bytes = b""
    tries: int = 0
    refusals: list[str] = field(default_factory=list)

    @property
    def is_acknowledged(self) -> bool:
        """Whether the house said that it is done."""
        return 200 <= self.status < 300


class Caller:
    """One keep-alive connection to the server, made anew whenever it fails."""

    def __init__(self, port: int) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)

    def post(self, write: Write, key: str, token: str) -> tuple[int, bytes, bool]:
        """Status, body and whether it is that of an earlier request. Raises OSError, HTTPException."""
        told = {"Authorization": f"Token {token}", "Idempotency-Key": key, "Content-Type": "application/json"}
        try:
            self._connection.request("POST", write.path, json.dumps(write.body), told)
            answer = self._connection.getresponse()
            return answer.status, answer.read(), answer.getheader(REPLAYED) == "true"
        except (OSError, HTTPException):
            self.close()
            raise

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


class Client(threading.Thread):
    """Writes what it is given, one after the other, until it is told to begin nothing more."""

    def __init__(self, port: int, token: str, writes: Iterator[Write], pause: Callable[[], float]) -> None:
        super().__init__(daemon=True)
        self.attempted: list[Attempted] = []
        self.ending = threading.Event()
        self.gives_up = threading.Event()
        self._caller = Caller(port)
        self._token = token
        self._writes = writes
        self._pause = pause

    def run(self) -> None:
        """Until there is nothing more to write."""
        for write in self._writes:
            if self.ending.is_set():
                break
            one = Attempted(write, f"{write.kind}-{write.name.replace(' ', '-')}", self._token)
            self.attempted.append(one)
            self._insist(one)
            self.ending.wait(self._pause())
        self._caller.close()

    def _insist(self, one: Attempted) -> None:
        while not self.gives_up.is_set():
            one.tries += 1
            try:
                status, body, _ = self._caller.post(one.write, one.key, one.token)
            except (OSError, HTTPException):
                status = 503
            if status not in REPEATED:
                one.status, one.body = status, body
                if status < 500:
                    return
                one.refusals.append(f"{status} {body[:500].decode(errors='replace')}")
            time.sleep(AGAIN)


class Crowd:
    """Several clients, who write what all scenarios offer, in turn."""

    def __init__(self, port: int, tokens: list[str], offers: list[Callable[[str, int], Write]], seed: int) -> None:
        self.clients = [
            Client(port, token, _writes(number, offers), partial(Random(f"{seed} {number}").uniform, *PAUSE))
            for number, token in enumerate(tokens)
        ]

    def __enter__(self) -> Self:
        for client in self.clients:
            client.start()
        return self

    def __exit__(self, *_: object) -> None:
        for client in self.clients:
            client.ending.set()
            client.gives_up.set()
        for client in self.clients:
            client.join(2 * TIMEOUT)

    def finish(self, seconds: float) -> bool:
        """Begin nothing more; whether all that was begun is acknowledged in so many seconds."""
        for client in self.clients:
            client.ending.set()
        deadline = time.monotonic() + seconds
        for client in self.clients:
            client.join(max(0.0, deadline - time.monotonic()))
        return not any(client.is_alive() for client in self.clients)

    def acknowledged(self) -> int:
        """How many writes, so far."""
        return sum(one.is_acknowledged for one in self.attempted)

    @property
    def attempted(self) -> list[Attempted]:
        """All that they tried."""
        return [one for client in self.clients for one in client.attempted]


def _writes(who: int, offers: list[Callable[[str, int], Write]]) -> Iterator[Write]:
    for number in itertools.count():
        write = offers[number % len(offers)]
        yield write(f"client {who} write {number}", number // len(offers))
