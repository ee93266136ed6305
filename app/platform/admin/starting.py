"""What a new record's form begins with: the constant defaults of its columns, which the database has."""

from adminsite import ModelView
from sqlalchemy import inspect

from app.platform.database.defaults import constant_of


def begin_with_defaults(view: ModelView) -> None:
    """Have the form for a new record show the defaults that its view does not name otherwise."""
    columns = inspect(view.model).columns
    for path in view._settings.candidates:
        written = constant_of(columns[path]) if path in columns else None
        if written is not None:
            item = view._fields.field_for(path)
            item.default = item.parse(written) if item.default is None else item.default
