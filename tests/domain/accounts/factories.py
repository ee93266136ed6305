"""Users and tokens for tests, saved for real, and what a client sends to make some."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TypeVar

from msgspec import to_builtins
from polyfactory import Ignore, Use
from polyfactory.factories.msgspec_factory import MsgspecFactory
from polyfactory.factories.sqlalchemy_factory import SQLAlchemyFactory
from pwdlib.hashers.argon2 import Argon2Hasher

from app.domain.accounts.models import Token, User
from app.domain.accounts.schemas import SignUp
from app.domain.accounts.tokens import digest_of, new_token
from app.platform.database.pools import Database

RowT = TypeVar("RowT")

NUMBERS = count(1)  # of names that nobody else has; digits drawn at random are now and then like a test's password

PASSWORD = "correct horse battery staple"
# As cheap as argon2 allows: what a hash costs to verify stands in the hash.
PASSWORD_HASH = Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)


class UserFactory(SQLAlchemyFactory[User]):
    """An active user whose password is PASSWORD."""

    id = Ignore()
    username = Use(lambda: f"user-{next(NUMBERS)}")
    email = Use(lambda: f"user-{next(NUMBERS)}@example.com")
    password = PASSWORD_HASH
    email_verified_at = None
    display_name = None
    bio = None
    image = None
    is_active = True
    is_staff = False
    is_superuser = False
    has_second_factor = False
    created_at = Ignore()
    updated_at = Ignore()

    @classmethod
    async def saved(cls, database: Database, **given: object) -> User:
        """One in the database."""
        return await save(database, cls.build(**given))


class TokenFactory(SQLAlchemyFactory[Token]):
    """A token that is good for a day."""

    __set_relationships__ = False

    id = Ignore()
    created_at = Ignore()
    last_used_at = Ignore()
    name = None
    device = None
    scopes = None
    is_session = False
    proved_at = None
    expires_at = Use(lambda: datetime.now(UTC) + timedelta(days=1))

    @classmethod
    async def clear_for(cls, database: Database, user: User, **given: object) -> str:
        """One in the database, in clear."""
        clear = new_token()
        await save(database, cls.build(user_id=user.id, digest=digest_of(clear), **given))
        return clear


class SignUpFactory(MsgspecFactory[SignUp]):
    """What somebody new sends."""

    username = Use(lambda: f"user-{next(NUMBERS)}")
    email = Use(lambda: f"user-{next(NUMBERS)}@example.com")
    password = PASSWORD

    @classmethod
    def body(cls, **given: object) -> dict[str, object]:
        """It as JSON's own types, with any value in place of a field."""
        return {**to_builtins(cls.build()), **given}


async def save(database: Database, row: RowT) -> RowT:
    work = database.unit_of_work()

    async def add() -> None:
        work.session.add(row)

    await work.run(add)
    return row
