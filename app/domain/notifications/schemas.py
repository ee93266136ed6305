"""What the API of notifications says and is told."""

from typing import Annotated
from uuid import UUID

from msgspec import Meta

from app.kit.news import Mailing
from app.kit.schema import Input, Moment, Output, example

MOST_COUNTED = 1_000

KindName = Annotated[str, example("publishing.comment_on_my_article")]
Actor = Annotated[str, example("bea")]
Text = Annotated[str, example("commented on “Of whales”")]
Link = Annotated[str, example("/api/articles/of-whales")]


class NotificationOut(Output):
    """What a user was told; `text` goes on where the name of the actor ends, who is null where nobody did it."""

    id: UUID
    kind: KindName
    actor: Actor | None
    text: Text
    link: Link | None
    created_at: Moment
    read_at: Moment | None


class UnreadOut(Output):
    """How many notifications are unread; nobody counts beyond a thousand."""

    count: Annotated[int, Meta(ge=0, le=MOST_COUNTED)]


class ReadUpTo(Input):
    """The newest notification that was seen."""

    up_to: UUID


class Choice(Input):
    """By which channels one wants to be told of a kind."""

    inbox: bool
    mail: Mailing


class PreferenceOut(Output):
    """A kind of notification, and by which channels one is told of it.

    `mail`: never, `at_once`, which is within two minutes, or once a day in a `digest`; to a confirmed address alone.
    """

    kind: KindName
    summary: Annotated[str, example("Somebody commented on an article of mine")]
    inbox: bool
    mail: Mailing


class PreferencesOut(Output):
    """All kinds of notifications."""

    items: list[PreferenceOut]


class Unsubscription(Input):
    """The token of the link in a mail."""

    token: Annotated[str, Meta(min_length=1, max_length=200, examples=["AX3kq0Jm"])]


class PreferenceShare(Output):
    """What a user has chosen of a kind, in an export; null: as everybody has it."""

    kind: str
    inbox: bool | None
    mail: Mailing | None


class NotificationShare(Output):
    """What a user was told, in an export; `actor`: who did it."""

    kind: str
    actor: str | None
    text: str
    link: str | None
    created_at: Moment
    read_at: Moment | None


class NotificationsShare(Output):
    """What notifications holds of a user, the newest first."""

    notifications: list[NotificationShare]
    preferences: list[PreferenceShare]
