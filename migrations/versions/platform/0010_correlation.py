"""Events and jobs are known by the errand that they belong to, too"""

import sqlalchemy as sa
from alembic import op

revision = "platform_0010"
down_revision = "platform_0009"
branch_labels = None
depends_on = None

TABLES = ("platform_outbox", "platform_event", "platform_job")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    for table in TABLES:
        op.add_column(table, sa.Column("correlation_id", sa.Text()))


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    for table in TABLES:
        op.drop_column(table, "correlation_id")
