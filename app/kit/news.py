"""Notifications, as other modules know them: of which kinds there are some, and what somebody is told."""

from typing import Literal
from uuid import UUID

import msgspec

Mailing = Literal["none", "at_once", "digest"]
"""Whether a notification is mailed: never, within two minutes, or once a day with all others."""


class Kind(msgspec.Struct, frozen=True):
    """Something that users are told of, declared by the module that tells it; the channels are those without a choice.

    Nobody is mailed who has not asked for it, unless the kind says otherwise: what arrives unasked is taken for spam,
    and in many places against the law.
    """

    name: str
    summary: str
    inbox: bool = True
    mail: Mailing = "none"


class News(msgspec.Struct, frozen=True):
    """What somebody is told. Where there is an actor, the text goes on where their name ends: `commented on …`.

    `link`: the address, under this one, of what it is about.
    """

    text: str
    link: str | None = None
    actor: UUID | None = None
