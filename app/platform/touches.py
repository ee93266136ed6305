"""The trigger that moves a table's `updated_at`, as autogenerate compares, makes and drops it.

Importing this file is enough: Alembic asks it of every table.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from alembic.autogenerate import comparators, renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations.ops import MigrateOperation, ModifyTableOps
from sqlalchemy import Table, text

# Whichever columns it is of: a migration may name those that are content, so that counts leave `updated_at` alone.
FOUND = text("""
    SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger
    WHERE tgrelid = to_regclass(:name) AND tgfoid = 'platform_touch'::regproc
""")


@dataclass
class Touch(MigrateOperation):
    """A trigger, and whether it is made or dropped; it is known by the statement that makes it."""

    table: str
    name: str
    statement: str
    is_made: bool = True

    def reverse(self) -> "Touch":
        """The other way round."""
        return replace(self, is_made=not self.is_made)

    def to_diff_tuple(self) -> tuple[str, str, str]:
        """As `just check` prints it."""
        return f"{'add' if self.is_made else 'remove'}_trigger", self.name, self.table


def wanted(table: str) -> Touch:
    """What a table gets: every change counts but one that says by itself when it was."""
    statement = (
        f"CREATE TRIGGER touch BEFORE UPDATE ON {table}\n"
        "FOR EACH ROW WHEN (new.updated_at = old.updated_at) EXECUTE FUNCTION platform_touch()"
    )
    return Touch(table, "touch", statement)


def is_touched(table: Table | None) -> bool:
    """Whether a model's table leaves it to a trigger to say when a row was changed, as the mixin `Timestamped` does."""
    column = None if table is None else table.columns.get("updated_at")
    return column is not None and column.server_onupdate is not None


@comparators.dispatch_for("table")
def _compare(
    context: AutogenContext, operations: ModifyTableOps, _schema: str | None, name: str, *tables: Table | None
) -> None:
    """After columns that are added and before those that are dropped, for it names one."""
    present, model = tables
    found = [] if present is None or context.connection is None else context.connection.execute(FOUND, {"name": name})
    triggers = [Touch(name, *row, is_made=False) for row in found]
    if is_touched(model) and not triggers:
        operations.ops.append(wanted(name))
    elif not is_touched(model):
        operations.ops.extend(triggers)


@renderers.dispatch_for(Touch)
def _render(_: AutogenContext, touch: Touch) -> Sequence[str]:
    if not touch.is_made:
        return [f'op.execute("DROP TRIGGER {touch.name} ON {touch.table}")']
    return ['op.execute("""', *(f"    {line}" for line in touch.statement.splitlines()), '""")']
