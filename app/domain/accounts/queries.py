"""Everything that leaves accounts: users and tokens as they are shown, and whose a token is."""

from uuid import UUID

from msgspec import Struct
from sqlalchemy import Select, func

from app.domain.accounts.models import Token, User
from app.domain.accounts.schemas import Account, TokenOut
from app.domain.accounts.tokens import digest_of, is_token
from app.kit.identity import Viewer
from app.platform.database.work import Reader
from app.platform.statements.query import by, query
from app.platform.statements.shape import Shape, param


class Bearer(Struct, frozen=True, gc=False):
    """Whose a token is: the row of the token, and of its user what a Viewer knows."""

    id: UUID
    user_id: UUID
    is_superuser: bool


class Credentials(Struct, frozen=True, gc=False):
    """What a password is compared with; it never leaves the module."""

    id: UUID
    password: str


@query(Shape(Bearer, Token, is_superuser=User.is_superuser))
def bearer(q: Select, *, digest: bytes) -> Select:
    """Whose token has this digest: one that has not expired, of a user who is active."""
    return q.join(Token.user).where(Token.digest == digest, Token.expires_at > func.now(), User.is_active)


async def authenticate(reader: Reader, credential: str) -> Viewer | None:
    """The viewer whose token it is, by one statement and no write; None when it is nobody's (any more)."""
    if not is_token(credential):
        return None
    known = await bearer.one(reader, digest=digest_of(credential))
    return None if known is None else Viewer(known.user_id, known.id, is_superuser=known.is_superuser)


@query(Shape(Account, User))
def account(q: Select, *, user: UUID | None) -> Select:
    """A user, as they see themselves."""
    return q.where(User.id == user)


@query(Shape(Credentials, User))
def credentials(q: Select, *, email: str) -> Select:
    """What the active user with this address signs in with; upper and lower case are the same."""
    return q.where(func.lower(User.email) == func.lower(email), User.is_active)


@query(Shape(TokenOut, Token, current=Token.id == param("credential", Token.id)), page=by(Token.id.desc()))
def live_tokens(q: Select, *, user: UUID | None, credential: UUID | None) -> Select:  # noqa: ARG001 - the shape's
    """A user's tokens that have not expired, the newest first."""
    return q.where(Token.user_id == user, Token.expires_at > func.now())
