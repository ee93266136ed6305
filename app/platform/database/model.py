"""What every table and every repository of the house has in common."""

from datetime import datetime
from typing import Any, ClassVar, TypeVar
from uuid import UUID

from advanced_alchemy.repository import SQLAlchemyAsyncRepository
from sqlalchemy import DateTime, FetchedValue, MetaData, Text, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

# Constraint names are part of the error contract: `uq_<table>_<column>` is how a refused row finds its field.
CONSTRAINTS = {
    "pk": "pk_%(table_name)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ix": "ix_%(table_name)s_%(column_0_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
}


class Base(DeclarativeBase):
    """A table. Its defaults live in the database, because commands and COPY see no Python."""

    metadata = MetaData(naming_convention=CONSTRAINTS)
    type_annotation_map: ClassVar[dict[Any, Any]] = {str: Text(), datetime: DateTime(timezone=True)}


class Identified:
    """A UUIDv7 key: it grows with time, so that the newest rows are the last ones of the index."""

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("uuidv7()"))


class Timestamped:
    """When a row was made, and when its content last changed; a trigger, `platform_touch`, writes the latter.

    `just makemigrations` writes one that any change sets off. Where some are none of the content, such as of counts,
    say `BEFORE UPDATE OF` and the columns that are, in the migration.
    """

    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    updated_at: Mapped[datetime] = mapped_column(server_default=text("now()"), server_onupdate=FetchedValue())


ModelT = TypeVar("ModelT", bound=Base)


class Repository(SQLAlchemyAsyncRepository[ModelT]):
    """Advanced Alchemy's repository, which here neither reads back what it wrote nor hides the database's errors."""

    def __init__(self, session: AsyncSession) -> None:
        # auto_refresh costs a SELECT a write; wrap_exceptions hides the SQLSTATE that an answer is made from.
        super().__init__(session=session, auto_refresh=False, wrap_exceptions=False)
