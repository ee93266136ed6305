"""A row changed as it stands, for models that have no service: columns, and what relations stand on."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import inspect

from app.platform.database.work import UnitOfWork


async def fill(work: UnitOfWork, record: Any, values: Mapping[str, Any]) -> None:
    """Set the values. Records that they name were read in another session, and are brought into this one."""
    relations = inspect(type(record)).relationships
    for path, value in values.items():
        relation = relations.get(path)
        if relation is None:
            setattr(record, path, value)
        elif relation.uselist:
            if inspect(record).persistent:
                await work.session.refresh(record, [path])
            setattr(record, path, [await work.session.merge(one, load=False) for one in value or ()])
        else:
            for local, remote in relation.local_remote_pairs:
                setattr(record, relation.parent.get_property_by_column(local).key, _of(value, remote))


def _of(record: Any, column: Any) -> Any:
    """The value on which a reference to this record stands; None of none."""
    return None if record is None else getattr(record, inspect(type(record)).get_property_by_column(column).key)
