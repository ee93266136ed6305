"""What happens in accounts that others may want to hear of; no secret is in any of it, nor a name or an address."""

from uuid import UUID

from app.kit.event import Event


class UserRegistered(Event, frozen=True):
    """Somebody has become a user, by themselves or on the command line; of those who are imported nothing is told."""

    about = "user_id"

    user_id: UUID


class UserSignedIn(Event, frozen=True):
    """A user has proved who they are and was given a token, or a browser's session; a sign-up ends with one as well."""

    about = "user_id"

    user_id: UUID
    token_id: UUID
    is_session: bool


class PasswordChanged(Event, frozen=True):
    """A user has another password, and all their other tokens have ended."""

    about = "user_id"

    user_id: UUID


class UserDeleted(Event, frozen=True):
    """A user is gone, and with them all that refers to them."""

    about = "user_id"

    user_id: UUID
