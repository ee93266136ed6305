"""The defaults of columns, which live in the database, as far as they are constants that a form may begin with."""

import re

from sqlalchemy import Column, DefaultClause, TextClause

# 'open', 'open'::text, 12.5 and true; not now(), and nothing else that is worked out.
CONSTANT = re.compile(r"'((?:[^']|'')*)'(?:::[\w ]+)?|(-?\d+(?:\.\d+)?|true|false)", re.IGNORECASE)


def constant_of(column: Column) -> str | None:
    """The constant that a column's default is, as text; None of others, and of none."""
    default = column.server_default
    if not isinstance(default, DefaultClause):
        return None
    if isinstance(default.arg, str):
        return default.arg
    found = CONSTANT.fullmatch(default.arg.text.strip()) if isinstance(default.arg, TextClause) else None
    return None if found is None else found[2] or found[1].replace("''", "'")
