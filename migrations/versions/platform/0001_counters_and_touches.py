"""Counters and touches"""

import sqlalchemy as sa
from alembic import op

revision = "platform_0001"
down_revision = None
branch_labels = ("platform",)
depends_on = None

# Trigger BEFORE UPDATE OF the columns that are content: any other change, such as a count, leaves `updated_at` alone,
# and a statement that sets `updated_at` itself has its way.
TOUCH = """
CREATE FUNCTION platform_touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := now();
    RETURN NEW;
END $$
"""

# Trigger function platform_count(name[, key column]): keeps in platform_counter how many rows there are, or how many
# for each key, as text; a NULL is no key. Statement-level AFTER triggers, one an event, with these transition tables:
#   INSERT    REFERENCING NEW TABLE AS changed
#   DELETE    REFERENCING OLD TABLE AS changed
#   UPDATE    REFERENCING OLD TABLE AS former NEW TABLE AS changed   (where keys can change)
#   TRUNCATE  none
# Each backend writes to one of sixteen shards, so that two writers seldom wait for each other; and in the order of
# the keys, so that those who do wait never wait crosswise. The key is found by way of to_jsonb because a function for
# every table cannot name a column, and EXECUTE, which plans anew each time, took 150 us where this takes 50.
COUNT = """
CREATE FUNCTION platform_count() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    step int := CASE TG_OP WHEN 'DELETE' THEN -1 ELSE 1 END;
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        DELETE FROM platform_counter WHERE name = TG_ARGV[0];
    ELSIF TG_OP = 'UPDATE' THEN
        INSERT INTO platform_counter (name, key, shard, value)
        SELECT TG_ARGV[0], key, pg_backend_pid() % 16, sum(change)
        FROM (
            SELECT to_jsonb(changed) ->> TG_ARGV[1] AS key, 1 AS change FROM changed
            UNION ALL
            SELECT to_jsonb(former) ->> TG_ARGV[1], -1 FROM former
        ) AS changes
        WHERE key IS NOT NULL GROUP BY key HAVING sum(change) <> 0 ORDER BY key
        ON CONFLICT (name, key, shard) DO UPDATE SET value = platform_counter.value + excluded.value;
    ELSE
        INSERT INTO platform_counter (name, key, shard, value)
        SELECT TG_ARGV[0], key, pg_backend_pid() % 16, step * count(*)
        FROM (SELECT CASE TG_NARGS WHEN 1 THEN '' ELSE to_jsonb(changed) ->> TG_ARGV[1] END AS key FROM changed) AS keys
        WHERE key IS NOT NULL GROUP BY key ORDER BY key
        ON CONFLICT (name, key, shard) DO UPDATE SET value = platform_counter.value + excluded.value;
    END IF;
    RETURN NULL;
END $$
"""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.create_table(
        "platform_counter",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("shard", sa.SmallInteger(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("name", "key", "shard", name="pk_platform_counter"),
    )
    # Room for a row's next version beside it, so that counting leaves the index alone.
    op.execute("ALTER TABLE platform_counter SET (fillfactor = 50)")
    op.execute(TOUCH)
    op.execute(COUNT)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.execute("DROP FUNCTION platform_count()")
    op.execute("DROP FUNCTION platform_touch()")
    op.drop_table("platform_counter")
