"""What the links' API is told and what it says."""

from typing import Annotated, Any

from msgspec import Meta

from app.domain.accounts.schemas import Account, Email, NewPassword, Password, Username
from app.kit.schema import Input, Output

Secret = Annotated[
    str,
    Meta(max_length=200, description="What the mailed link has for its token", examples=["lh_link_VQ…"]),
]


class ToAddress(Input):
    """Where a link is wanted."""

    email: Email


class FollowLink(Input):
    """A link that is followed."""

    token: Secret


class ResetPassword(Input):
    """A link that is followed, and the new password."""

    token: Secret
    password: NewPassword


class Join(Input):
    """A link that is followed, and who one will be."""

    token: Secret
    username: Username
    password: NewPassword


class NewAddress(Input):
    """The address to change to, and the password of today; who has none has proved a moment ago who they are."""

    email: Email
    password: Password | None = None


class Farewell(Input):
    """The password of today, before the account is deleted; who has none has proved a moment ago who they are."""

    password: Password | None = None


class Mailed(Output):
    """A link is on its way, where there is anybody to send it to."""

    good_for: Annotated[int, Meta(description="Seconds that the link is good", examples=[3600])]


class AddressChange(Output):
    """Whether the address is changed: false while the link in the other of the two mails was not followed."""

    changed: bool
    email: Email


class ShareOut(Output):
    """All that the house holds of a user: the account, and by its name what each module holds."""

    account: Account
    modules: Annotated[dict[str, Any], Meta(description="What each module holds", examples=[{"accounts": {}}])]
