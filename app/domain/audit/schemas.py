"""What the API of the trail is told and says."""

from typing import Annotated, Any, Literal
from uuid import UUID

from msgspec import Meta

from app.kit.schema import Input, Moment, Output, example

Operation = Literal["insert", "update", "delete", "truncate"]
Position = Annotated[int, Meta(ge=1, le=9_223_372_036_854_775_807, examples=[4_711])]
TableName = Annotated[str, Meta(max_length=63, examples=["accounts_group"])]
RowKey = Annotated[str, Meta(max_length=1_000, examples=["019a3f5e-7f3c-7d2a-9c43-0b8f6a1d2e3f"])]
Origin = Annotated[
    str,
    Meta(
        description="`request`, `job:…`, `event:…`, `command:…`; or `sql:` with the role and the application's name",
        examples=["request"],
    ),
]
Shown = Literal["plain", "personal", "masked", "unreadable"]
Value = Annotated[Any, Meta(description="A JSON value of any kind", examples=["Editors"])]


class ChangeOut(Output):
    """What became of a column. `masked` is a secret; `unreadable` is what a person's key was destroyed for."""

    column: Annotated[str, example("name")]
    shown: Shown
    before: Value
    after: Value


class EntryOut(Output):
    """A change of a row: which, by whom, how, and what of it. `truncate`: a table was emptied, whatever was in it."""

    position: Position
    at: Moment
    table: TableName
    key: RowKey
    operation: Operation
    actor: UUID | None
    request_id: Annotated[str, example("7f3c7d2a9c430b8f6a1d2e3f019a3f5e")] | None
    origin: Origin
    changes: list[ChangeOut]


class RowOut(Output):
    """A row as it was; of its `hidden` columns nothing can be said. No `row`: there was none."""

    table: TableName
    key: RowKey
    as_of: Moment
    row: Annotated[dict[str, Value], example({"name": "Editors"})] | None
    hidden: Annotated[list[str], example(["password"])]


class NewRevert(Input):
    """Which change is taken back, and all after it: the row is made again what it was before."""

    position: Position
