"""Links that are mailed: what each is for, how long it is good, and its secret, of which only the SHA-256 is kept."""

import secrets
from datetime import timedelta
from enum import StrEnum

from app.domain.accounts.tokens import digest_of
from app.kit.errors import Forbidden, NotFound

PREFIX = "lh_link_"  # it begins as a token does, so that a log censors it; by its length it can be none
RANDOM = 32  # bytes
LENGTH = len(PREFIX) + 43  # of that many bytes in Base64
MOST_LIVE = 3  # of one user, for one purpose: to ask once more leaves the mails that are under way good


class Purpose(StrEnum):
    """What a link does."""

    JOIN = "join"  # an address that nobody has yet: its owner becomes a user by it
    INVITE = "invite"  # the same, for somebody who was asked to
    VERIFY = "verify"
    RESET = "reset"
    SIGN_IN = "sign-in"
    LEAVE = "leave"  # a change of address, confirmed at the old one
    ENTER = "enter"  # … and at the new one

    @property
    def page(self) -> str:
        """The name under which it is followed: both halves of a change lead to one page, and so do both ways in."""
        return {"leave": "change", "enter": "change", "invite": "join"}.get(self.value, self.value)


CHANGE = (Purpose.LEAVE, Purpose.ENTER)
LIFETIMES = {
    Purpose.JOIN: timedelta(days=1),
    Purpose.INVITE: timedelta(days=7),
    Purpose.VERIFY: timedelta(days=3),
    Purpose.RESET: timedelta(hours=1),
    Purpose.SIGN_IN: timedelta(minutes=15),
    Purpose.LEAVE: timedelta(days=1),
    Purpose.ENTER: timedelta(days=1),
}


class ByLinkAlone(Forbidden):
    """Here one signs up by a link that is mailed to one's address: to be asked for at /api/v1/accounts/links/join."""

    code = "by_link_alone"
    title = "Sign-up by link alone"

    def __init__(self) -> None:
        super().__init__("sign-up")


class DeadLink(NotFound):
    """The link was used already, or has expired, or was ended, as by a new password or address; or it never was one."""

    status = 410
    code = "dead_link"
    title = "The link is no longer good"

    def __init__(self) -> None:
        super().__init__("link")


def new_secret() -> str:
    """The secret of a link, in clear."""
    return PREFIX + secrets.token_urlsafe(RANDOM)


def digest_of_secret(secret: str) -> bytes:
    """What is kept of it. Raises DeadLink for what has not the form of one, so that it costs no statement."""
    if len(secret) != LENGTH or not secret.startswith(PREFIX):
        raise DeadLink
    return digest_of(secret)


def in_words(lifetime: timedelta) -> str:
    """How long that is, as a mail says it."""
    minutes = int(lifetime.total_seconds()) // 60
    for unit, size in (("day", 1440), ("hour", 60)):
        if minutes % size == 0:
            return f"{minutes // size} {unit}{'s' if minutes != size else ''}"
    return f"{minutes} minutes"
