"""What is said of an upstream before anybody asks it: its name, and the bounds within which it is asked."""

import msgspec


class Upstream(msgspec.Struct, frozen=True, kw_only=True):
    """A server, or many of one kind, and its bounds in each process; times in seconds, sizes in bytes.

    `total`: for one attempt, with the wait for one of the `in_flight` places; `read`: between two parts of an answer.
    `tries`: at most so many within `patience`; the pauses between them grow from `first_pause` to `longest_pause`.
    `breaks_after` so many failures in a row nobody asks it for `mends_after`; None, for what is many servers: never.
    """

    name: str
    total: float = 30.0
    connect: float = 10.0
    read: float = 20.0
    in_flight: int = 100
    largest: int = 1_000_000
    tries: int = 5
    patience: float = 60.0
    first_pause: float = 0.5
    longest_pause: float = 20.0
    breaks_after: int | None = 5
    mends_after: float = 30.0
