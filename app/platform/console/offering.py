"""What puts a model on the admin site, printed to be pasted."""

import inspect as python
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import click
from sqlalchemy import LargeBinary, inspect

from app.platform.database.defaults import constant_of
from app.platform.database.model import Base
from app.platform.module import installed
from config.modules import MODULES

SECRET = re.compile("password|secret|digest|token|key$")
WIDTH = 120


@click.command(name="new-admin")
@click.argument("module", type=click.Choice(MODULES))
@click.argument("model")
def new_admin(module: str, model: str) -> None:
    """Print the lines that put MODEL of MODULE on the admin site. Nothing is written."""
    known = _models(module)
    if model not in known:
        message = f"app/domain/{module}/models.py has no {model}: it has {', '.join(sorted(known)) or 'no models'}"
        raise click.ClickException(message)
    click.echo("\n".join(_lines(module, known[model])))


def _models(module: str) -> dict[str, type[Base]]:
    """The tables of a module, by the names of their classes."""
    try:
        room = import_module(f"app.domain.{module}.models")
    except ModuleNotFoundError as error:
        if error.name != f"app.domain.{module}.models":
            raise
        return {}
    found = {name: one for name, one in vars(room).items() if python.isclass(one) and issubclass(one, Base)}
    return {name: one for name, one in found.items() if one.__module__.startswith(room.__name__)}


def _lines(module: str, model: type[Base]) -> Iterator[str]:
    name, fields, room = model.__name__, list(_fields(model)), installed([module])[0].admin
    yield f"# {_file(room or f'app.domain.{module}.admin', name)}"
    if any(field.startswith("Field(") for field in fields):
        yield "from adminsite import Field"
        yield ""
    yield f"from {model.__module__} import {name}"
    yield "from app.platform.admin.model_admin import ModelAdmin"
    yield ""
    yield ""
    yield f"class {name}Admin(ModelAdmin[{name}]):"
    yield f'    """{(model.__doc__ or name).partition(chr(10))[0]}"""'
    yield ""
    if fields:  # else what adminsite makes of the model itself
        yield from _tuple("fields", fields)
    yield ""
    yield ""
    if room is None:
        yield f"# app/domain/{module}/module.py, in Module(…)"
        yield f'admin="app.domain.{module}.admin",'
        yield ""
    yield "# Superusers alone see it, until `access = Access(view=…, add=…, change=…, delete=…)` names permissions."
    yield "# What has a service is changed by its verbs: override `create`, `change`, `remove`; README shows how."


def _file(room: str, name: str) -> str:
    """Where the lines belong: the module's own room of the site, which may be a folder with a file for each model."""
    path = room.replace(".", "/")
    if not Path(path).is_dir():
        return f"{path}.py"
    return f"{path}/{re.sub('(?<!^)(?=[A-Z])', '_', name).lower()}.py"


def _tuple(name: str, items: list[str]) -> Iterator[str]:
    short = f"    {name} = ({', '.join(items)}{',' if len(items) == 1 else ''})"
    if len(short) <= WIDTH:
        yield short
        return
    yield f"    {name} = ("
    yield from (f"        {item}," for item in items)
    yield "    )"


def _fields(model: type[Base]) -> Iterator[str]:
    """References as what they refer to; what the database works out is only shown, and secrets are not."""
    mapper: Any = inspect(model)
    relations = {column: one.key for one in mapper.relationships if not one.uselist for column in one.local_columns}
    for column in mapper.columns:
        path = mapper.get_property_by_column(column).key
        if isinstance(column.type, LargeBinary) or SECRET.search(path):
            continue
        is_made = column.server_default is not None and constant_of(column) is None
        if column in relations:
            yield f"{model.__name__}.{relations[column]}"
        elif not column.primary_key:
            yield f"Field({model.__name__}.{path}, read_only=True)" if is_made else f"{model.__name__}.{path}"
        elif not is_made:
            yield f"{model.__name__}.{path}"
