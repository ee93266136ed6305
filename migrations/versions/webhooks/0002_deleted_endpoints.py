"""Endpoints that are deleted, and forgotten later"""

import sqlalchemy as sa
from alembic import op

revision = "webhooks_0002"
down_revision = "webhooks_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.add_column("webhooks_endpoint", sa.Column("deleted_at", sa.DateTime(timezone=True)))


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    # Their secrets are gone: nobody may enable them.
    op.execute("DELETE FROM webhooks_endpoint WHERE deleted_at IS NOT NULL")
    op.drop_column("webhooks_endpoint", "deleted_at")
