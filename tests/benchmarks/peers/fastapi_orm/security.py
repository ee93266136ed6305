"""FastAPI's peer: the user whose token it is, as a dependency."""

from hashlib import sha256
from typing import Annotated

from fastapi import Depends, Header, HTTPException
from sqlalchemy import func, select

from tests.benchmarks.peers.fastapi_orm.database import SessionDep
from tests.benchmarks.peers.fastapi_orm.models import Token, User


def get_token(authorization: Annotated[str | None, Header()] = None) -> str | None:
    return None if authorization is None else authorization.removeprefix("Token ")


TokenDep = Annotated[str | None, Depends(get_token)]


async def get_viewer(session: SessionDep, token: TokenDep) -> User | None:
    """The user, or None for an anonymous client."""
    if token is None:
        return None
    statement = select(User).join(Token, Token.user_id == User.id)
    statement = statement.where(Token.digest == sha256(token.encode()).digest(), Token.expires_at > func.now())
    user = await session.scalar(statement.where(User.is_active))
    if user is None:
        raise HTTPException(401, "token is invalid")
    return user


ViewerDep = Annotated[User | None, Depends(get_viewer)]


async def get_user(viewer: ViewerDep) -> User:
    if viewer is None:
        raise HTTPException(401, "token is missing")
    return viewer


UserDep = Annotated[User, Depends(get_user)]
