"""The tables of accounts: users, how they prove who they are, and what they may."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, ForeignKey, Index, LargeBinary, Text, func, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.platform.database.model import Base, Identified, Timestamped


class User(Identified, Timestamped, Base):
    """A person: how they sign in, and what they show of themselves."""

    __tablename__ = "accounts_user"

    username: Mapped[str]
    email: Mapped[str]
    email_verified_at: Mapped[datetime | None]  # when its owner followed a link that was mailed to it; None: nobody has
    password: Mapped[str]
    display_name: Mapped[str | None]
    bio: Mapped[str | None]
    image: Mapped[str | None]
    is_active: Mapped[bool] = mapped_column(server_default=text("true"))
    is_staff: Mapped[bool] = mapped_column(server_default=text("false"))
    is_superuser: Mapped[bool] = mapped_column(server_default=text("false"))
    # Whether there is one below; here, so that whose a token is and what it may are one look.
    has_second_factor: Mapped[bool] = mapped_column(server_default=text("false"))


# "Ann" and "ann" are one person to whoever reads the name or writes the address.
Index("uq_accounts_user_username", func.lower(User.username), unique=True)
Index("uq_accounts_user_email", func.lower(User.email), unique=True)

# By any part of either, for those who manage them.
Index(
    "ix_accounts_user_username",
    func.lower(User.username).label("username"),
    func.lower(User.email).label("email"),
    postgresql_using="gin",
    postgresql_ops={"username": "gin_trgm_ops", "email": "gin_trgm_ops"},
)


OfUser = Annotated[UUID, mapped_column(ForeignKey(User.id, ondelete="CASCADE"), primary_key=True)]


class Token(Identified, Base):
    """What a client presents to be known: only the SHA-256 of it is kept."""

    __tablename__ = "accounts_token"

    user_id: Mapped[UUID] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"), index=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    expires_at: Mapped[datetime]
    last_used_at: Mapped[datetime] = mapped_column(server_default=text("now()"))  # at first, when it was made
    name: Mapped[str | None]  # of one that was asked for by name; others were made by a sign-in
    device: Mapped[str | None]  # what the client called itself, at that sign-in
    scopes: Mapped[list[str] | None] = mapped_column(ARRAY(Text))  # None: it is good for all that the user may
    is_session: Mapped[bool] = mapped_column(server_default=text("false"))  # a browser's, in a cookie
    proved_at: Mapped[datetime | None]  # when its bearer last proved to be the user

    user: Mapped[User] = relationship(lazy="raise")


class Link(Base):
    """A link that was mailed: good once, for one purpose. Only the SHA-256 of its secret is kept."""

    __tablename__ = "accounts_link"

    digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    # None: of an address that nobody has. It is good for nothing, and made so that to ask for one takes as long.
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"), index=True)
    purpose: Mapped[str]
    email: Mapped[str]  # the address that it is about: the one it confirms, or signs in
    is_last: Mapped[bool] = mapped_column(server_default=text("false"))  # of two: the other was followed
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    expires_at: Mapped[datetime] = mapped_column(index=True)

    user: Mapped[User | None] = relationship(lazy="raise")


class Group(Identified, Base):
    """Users who may the same."""

    __tablename__ = "accounts_group"

    name: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


Index("uq_accounts_group_name", func.lower(Group.name), unique=True)


class GroupPermission(Base):
    """What the members of a group may: a permission by its name, which a module may have ceased to declare."""

    __tablename__ = "accounts_group_permission"

    group_id: Mapped[UUID] = mapped_column(ForeignKey(Group.id, ondelete="CASCADE"), primary_key=True)
    permission: Mapped[str] = mapped_column(primary_key=True)


class Invitation(Identified, Base):
    """A link to join by that somebody had mailed: good once. Only the SHA-256 of its secret is kept."""

    __tablename__ = "accounts_invitation"

    email: Mapped[str]
    digest: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    # None: the operator. It goes with whoever sent it, and with whoever came by it.
    inviter_id: Mapped[UUID | None] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"), index=True)
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    expires_at: Mapped[datetime]
    accepted_at: Mapped[datetime | None]

    inviter: Mapped[User | None] = relationship(lazy="raise", foreign_keys=[inviter_id])


Index(
    "uq_accounts_invitation_email",
    func.lower(Invitation.email),
    unique=True,
    postgresql_where=Invitation.accepted_at.is_(None),
)


class InvitationGroup(Base):
    """A group that somebody is to be in who joins by an invitation."""

    __tablename__ = "accounts_invitation_group"

    invitation_id: Mapped[UUID] = mapped_column(ForeignKey(Invitation.id, ondelete="CASCADE"), primary_key=True)
    group_id: Mapped[UUID] = mapped_column(ForeignKey(Group.id, ondelete="CASCADE"), primary_key=True, index=True)


class Membership(Base):
    """A user in a group."""

    __tablename__ = "accounts_membership"

    user_id: Mapped[OfUser]
    group_id: Mapped[UUID] = mapped_column(ForeignKey(Group.id, ondelete="CASCADE"), primary_key=True)


Index("ix_accounts_membership_group_id", Membership.group_id, Membership.user_id)


class Grant(Base):
    """What a user may without any group: a permission by its name."""

    __tablename__ = "accounts_grant"

    user_id: Mapped[OfUser]
    permission: Mapped[str] = mapped_column(primary_key=True)


class Totp(Base):
    """A user's secret for one-time codes by time (RFC 6238)."""

    __tablename__ = "accounts_totp"

    user_id: Mapped[OfUser]
    secret: Mapped[bytes] = mapped_column(LargeBinary)  # sealed
    confirmed: Mapped[bool] = mapped_column(server_default=text("false"))  # by a first code; until then it is none
    last_step: Mapped[int] = mapped_column(server_default=text("0"))  # of the last code taken: none works twice


class RecoveryCode(Base):
    """What gets a user in who has lost all else: one use each; only the SHA-256 of it is kept."""

    __tablename__ = "accounts_recovery_code"

    user_id: Mapped[OfUser]
    digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)


class Passkey(Identified, Base):
    """A user's key pair in a device of theirs, of which the public half is here (WebAuthn)."""

    __tablename__ = "accounts_passkey"

    user_id: Mapped[UUID] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"), index=True)
    credential_id: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    sign_count: Mapped[int] = mapped_column(BigInteger)
    name: Mapped[str]
    transports: Mapped[list[str]] = mapped_column(ARRAY(Text))
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    last_used_at: Mapped[datetime | None]


class Challenge(Identified, Base):
    """A question that is answered once, and soon: by whom, for what, and the SHA-256 of what the answer brings back."""

    __tablename__ = "accounts_challenge"

    user_id: Mapped[UUID | None] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"), index=True)
    purpose: Mapped[str]
    digest: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)


class Provider(Identified, Base):
    """Who vouches for users by OpenID Connect. Its issuer stays what it is: the subjects of identities are its."""

    __tablename__ = "accounts_provider"

    name: Mapped[str] = mapped_column(unique=True)
    label: Mapped[str]
    issuer: Mapped[str]
    client_id: Mapped[str]
    secret: Mapped[bytes] = mapped_column(LargeBinary)  # sealed
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class Identity(Identified, Base):
    """As whom a provider knows a user; the address is what it told, and nobody is found by it."""

    __tablename__ = "accounts_identity"

    provider_id: Mapped[UUID] = mapped_column(ForeignKey(Provider.id, ondelete="CASCADE"))
    subject: Mapped[str]
    user_id: Mapped[UUID] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"), index=True)
    email: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    last_used_at: Mapped[datetime | None]

    provider: Mapped[Provider] = relationship(lazy="raise")


Index("uq_accounts_identity_provider_id", Identity.provider_id, Identity.subject, unique=True)
