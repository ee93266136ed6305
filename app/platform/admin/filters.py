"""Filters beside a list that an index answers."""

from datetime import datetime
from typing import Any
from uuid import UUID

from adminsite._orm.repository import SQLAlchemyRepository
from adminsite._orm.values import to_column_value
from adminsite.filters import FilterValue
from adminsite.filters.sql import DateRangeFilter, RelationFilter
from sqlalchemy import ColumnElement, and_, false, inspect
from sqlalchemy.orm import QueryableAttribute

LAST = (1 << 80) - 1  # what of an id is chance, at its most


class ReferenceFilter(RelationFilter):
    """Rows that refer to one of the chosen ones, by the column itself.

    adminsite asks for each row whether what it refers to is among the chosen ones, and no index knows that.
    """

    is_served = True  # by an index, where the table is large

    def __init__(self, relation: QueryableAttribute[Any], **options: Any) -> None:
        """`relation`: of the view's model, to one row of another."""
        [(local, remote)] = relation.property.local_remote_pairs
        self.column: Any = getattr(relation.class_, relation.parent.get_property_by_column(local).key)
        key = inspect(relation.property.entity.class_).get_property_by_column(remote).key
        super().__init__(relation.key, key=key, **options)

    def condition(self, value: FilterValue, repository: SQLAlchemyRepository[Any]) -> ColumnElement[bool]:
        """What is no key names nothing."""
        field = repository.schema.field_named(self.column.key)
        keys = []
        for text in value.values:
            try:
                keys.append(to_column_value(field, text))
            except ValueError:
                continue
        return self.column.in_(keys) if keys else false()


class MadeFilter(DateRangeFilter):
    """Rows that were made in a period, by their ids, which begin with the time (UUIDv7): no other index is needed."""

    is_served = True

    def condition(self, value: FilterValue, repository: SQLAlchemyRepository[Any]) -> ColumnElement[bool] | None:
        """A period without ends is none."""
        start, end = self._period(value.first)
        key: Any = repository.model.id
        bounds = [key >= _id_at(start)] if start else []
        bounds += [key <= _id_at(end, LAST)] if end else []
        return and_(*bounds) if bounds else None


def _id_at(moment: datetime, chance: int = 0) -> UUID:
    milliseconds = max(0, int(moment.timestamp() * 1000))
    return UUID(int=(milliseconds << 80 | chance) & ((1 << 128) - 1))
