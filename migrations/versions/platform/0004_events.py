"""The event log"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "platform_0004"
down_revision = "platform_0003"
branch_labels = None
depends_on = None

# Weeks begin on Monday, in UTC. It locks the log, which nobody but the sequencer writes to: requests do not wait.
# A week of which events already lie in the rest can have no partition; those after it can.
MAKE_PARTITIONS = """
CREATE FUNCTION platform_make_event_partitions(weeks integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    monday timestamp := date_trunc('week', now() AT TIME ZONE 'UTC');
    name text;
BEGIN
    FOR n IN 0..weeks LOOP
        name := 'eventlog_' || to_char(monday, 'IYYY"w"IW');
        IF to_regclass(name) IS NULL THEN
            BEGIN
                EXECUTE format(
                    'CREATE TABLE %I PARTITION OF platform_event FOR VALUES FROM (%L) TO (%L)',
                    name, monday AT TIME ZONE 'UTC', (monday + interval '7 days') AT TIME ZONE 'UTC'
                );
            EXCEPTION WHEN check_violation THEN NULL;
            END;
        END IF;
        monday := monday + interval '7 days';
    END LOOP;
END $$
"""
# Those that ended before the moment given, when every subscriber is past them and nothing in them is held. The rest has
# no end: of it the rows go, each under the same conditions.
DROP_PARTITIONS = """
CREATE FUNCTION platform_drop_event_partitions(before timestamptz) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    part record;
    last bigint;
BEGIN
    FOR part IN
        SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'platform_event'::regclass AND c.relname ~ '^eventlog_[0-9]{4}w[0-9]{2}$'
        AND to_date(substr(c.relname, 10), 'IYYY"w"IW') + 7 <= (before AT TIME ZONE 'UTC')::date
    LOOP
        EXECUTE format('SELECT max(position) FROM %I', part.name) INTO last;
        CONTINUE WHEN EXISTS (SELECT FROM platform_subscription WHERE position < last)
            OR EXISTS (SELECT FROM platform_held h JOIN platform_event e USING (position)
                       WHERE e.tableoid = to_regclass(part.name));
        EXECUTE format('DROP TABLE %I', part.name);
        RETURN NEXT part.name;
    END LOOP;
    DELETE FROM eventlog_rest r WHERE r.at < before
        AND NOT EXISTS (SELECT FROM platform_subscription s WHERE s.position < r.position)
        AND NOT EXISTS (SELECT FROM platform_held h WHERE h.position = r.position);
    IF FOUND THEN
        RETURN NEXT 'eventlog_rest';
    END IF;
END $$
"""


def _event() -> list[sa.Column]:
    return [
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("actor", sa.Uuid(), nullable=True),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("payload", postgresql.JSONB(), nullable=False),
    ]


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.create_table(
        "platform_outbox",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("xid", sa.BigInteger(), server_default=sa.text("(pg_current_xact_id()::text)::bigint"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        *_event(),
        sa.PrimaryKeyConstraint("id", name="pk_platform_outbox"),
    )
    op.create_index("ix_platform_outbox_xid", "platform_outbox", ["xid"])
    op.create_table(
        "platform_event",
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        *_event(),
        sa.PrimaryKeyConstraint("position", "at", name="pk_platform_event"),
        postgresql_partition_by="RANGE (at)",
    )
    op.create_index("ix_platform_event_id", "platform_event", ["id"])
    # Takes what has no partition of its own: nothing is lost when nobody makes the next one in time.
    op.execute("CREATE TABLE eventlog_rest PARTITION OF platform_event DEFAULT")
    op.execute(MAKE_PARTITIONS)
    op.execute(DROP_PARTITIONS)
    op.execute("SELECT platform_make_event_partitions(4)")
    op.create_table(
        "platform_event_end",
        sa.Column("id", sa.Integer(), autoincrement=False, server_default=sa.text("1"), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_platform_event_end"),
    )
    op.create_table(
        "platform_subscription",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_platform_subscription"),
    )
    op.create_table(
        "platform_held",
        sa.Column("subscriber", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("attempts", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("is_dead", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.PrimaryKeyConstraint("subscriber", "position", name="pk_platform_held"),
    )
    op.create_index("ix_platform_held_subscriber", "platform_held", ["subscriber", "subject", "position"])


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    for table in ("platform_held", "platform_subscription", "platform_event_end"):
        op.drop_table(table)
    op.execute("DROP FUNCTION platform_drop_event_partitions(timestamptz)")
    op.execute("DROP FUNCTION platform_make_event_partitions(integer)")
    op.drop_table("platform_event")
    op.drop_table("platform_outbox")
