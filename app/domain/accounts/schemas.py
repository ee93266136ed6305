"""What accounts is told and what it says: the bodies of its own API.

Their lengths are checked here, before anything is done with a text; all else about it is a rule of the service's.
"""

from typing import Annotated
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

from app.domain.accounts.openid_schemas import IdentityOut
from app.kit.schema import Input, Moment, Output, text

Username = Annotated[
    str,
    Meta(
        max_length=64,
        description="Letters, marks and digits of one script, `_`, `.`, `-`, and single spaces between words",
        examples=["ann.smith"],
        extra_json_schema={"minLength": 1},
    ),
]
Email = Annotated[
    str,
    Meta(
        max_length=254,
        description="An address; its upper and lower case are kept, and count as the same",
        examples=["ann@example.com"],
        extra_json_schema={"minLength": 3, "format": "email"},
    ),
]
Login = Annotated[
    str,
    Meta(
        max_length=254,
        description="An address, or a username",
        examples=["ann@example.com"],
        extra_json_schema={"minLength": 1},
    ),
]
Password = Annotated[
    str,
    Meta(
        max_length=1024,
        description="8 characters or more, not only white space",
        examples=["correct horse battery staple"],
        extra_json_schema={"minLength": 8, "format": "password"},
    ),
]
NewPassword = Annotated[
    Password,
    Meta(
        description="8 characters or more, not only white space or digits; not a common password, nor like the user's "
        "name, address or display name"
    ),
]
DisplayName = Annotated[str, Meta(max_length=100, description="Any text that can be seen", examples=["Ann Smith"])]
Bio = Annotated[str, Meta(max_length=10_000, description="A few words about oneself", examples=["I sail."])]
Image = Annotated[
    str, Meta(max_length=2_048, description="Address of a picture", examples=["https://example.com/ann.png"])
]


class SignUp(Input):
    """A new user."""

    username: Username
    email: Email
    password: NewPassword


class SignIn(Input):
    """What one signs in with: an address or a username, of which upper and lower case count as the same."""

    email: Login
    password: Password


class ChangeAccount(Input):
    """What is different about a user; what is left out stays. An empty or null text of a profile is removed."""

    username: Username | UnsetType = UNSET
    password: NewPassword | UnsetType = UNSET
    display_name: DisplayName | UnsetType | None = UNSET
    bio: Bio | UnsetType | None = UNSET
    image: Image | UnsetType | None = UNSET


class Account(Output):
    """A user, as they see themselves."""

    id: UUID
    username: Username
    email: Email
    email_verified_at: Annotated[Moment, Meta(description="When a link mailed to the address was followed")] | None
    display_name: DisplayName | None
    bio: Bio | None
    image: Image | None
    is_staff: bool
    is_superuser: bool
    created_at: Moment
    updated_at: Moment


class SignedIn(Output):
    """A token, shown this once, with its id and the user whose it is."""

    id: UUID
    token: Annotated[str, Meta(description="To be sent as `Authorization: Bearer …`", examples=["lh_VQ…"])]
    expires_at: Moment
    user: Account


class SessionOut(Output):
    """A browser's session, of which the answer has set the cookie, with its id and the user whose it is."""

    id: UUID
    expires_at: Moment
    user: Account


TokenName = Annotated[str, text(100, "Nightly import")]
Scopes = Annotated[
    list[Annotated[str, Meta(max_length=100)]],
    Meta(
        min_length=1,
        max_length=50,
        description="Names of permissions that the token is limited to; `signed_in` stands for all that needs no other "
        "permission than to be signed in. Without any it is good for all that its user may.",
        examples=[["signed_in"]],
    ),
]


class NewToken(Input):
    """A token that is asked for by name."""

    name: TokenName
    days: Annotated[int, Meta(ge=1, le=3650, description="How long it is good", examples=[30])] | None = None
    scopes: Scopes | None = None


class MadeToken(Output):
    """A token, shown this once."""

    id: UUID
    token: Annotated[str, Meta(description="To be sent as `Authorization: Bearer …`", examples=["lh_VQ…"])]
    name: TokenName
    scopes: Scopes | None
    expires_at: Moment


class TokenOut(Output):
    """A token, or a browser's session, without its secret.

    `name`: of one that was asked for by name; `device`: what the client called itself that signed in with a password;
    `isSession`: whether it is a cookie's; `lastUsedAt`: to about a minute; `current`: whether this request presents it.
    """

    id: UUID
    name: TokenName | None
    device: Annotated[str, Meta(max_length=200, examples=["Mozilla/5.0 (X11; Linux x86_64)"])] | None
    scopes: Scopes | None
    is_session: bool
    created_at: Moment
    expires_at: Moment
    last_used_at: Moment
    current: bool


class TokenShare(Output):
    """A token, in an export: without its secret, and whether or not it is still good."""

    id: UUID
    name: TokenName | None
    device: str | None
    scopes: Scopes | None
    created_at: Moment
    expires_at: Moment
    last_used_at: Moment


class LinkShare(Output):
    """A link that was mailed, in an export: without its secret."""

    purpose: str
    email: Email
    created_at: Moment
    expires_at: Moment


class InvitationShare(Output):
    """An invitation that the user sent or came by, in an export: without its secret."""

    email: Email
    created_at: Moment
    expires_at: Moment
    accepted_at: Moment | None


class PasskeyShare(Output):
    """A passkey, in an export: without its key, whose other half is its owner's alone."""

    name: str
    transports: list[str]
    created_at: Moment
    last_used_at: Moment | None


class AccountsShare(Output):
    """What accounts holds of a user besides the account itself.

    `totp`: whether codes by an app; `groups`: the names of those that the user is in; `permissions`: the names of those
    that were granted to the user alone.
    """

    tokens: list[TokenShare]
    links: list[LinkShare]
    invitations: list[InvitationShare]
    totp: bool
    recovery_codes_left: int
    passkeys: list[PasskeyShare]
    identities: list[IdentityOut]
    groups: list[str]
    permissions: list[str]


class Changes(Struct, frozen=True, kw_only=True):
    """What is different about a user.

    UNSET stays as it is, None counts as blank, and of the profile an empty text is removed.
    """

    username: str | UnsetType | None = UNSET
    email: str | UnsetType | None = UNSET
    password: str | UnsetType | None = UNSET
    display_name: str | UnsetType | None = UNSET
    bio: str | UnsetType | None = UNSET
    image: str | UnsetType | None = UNSET
