"""The table of jobs: what waits, what runs, and what became of the rest."""

from sqlalchemy import CheckConstraint, Column, DateTime, Index, Integer, SmallInteger, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

from app.platform.database.model import Base

STATES = ("held", "waiting", "running", "done", "dead", "cancelled")

job = Table(
    "platform_job",
    Base.metadata,
    Column("id", Uuid, primary_key=True, server_default=text("uuidv7()")),
    Column("name", Text, nullable=False),
    Column("queue", SmallInteger, nullable=False),
    Column("state", Text, nullable=False, server_default=text("'waiting'")),
    Column("arguments", JSONB, nullable=False),
    # What is unique about it while it waits, and while it runs: then its like may wait.
    Column("unique_key", Text),
    Column("running_key", Text),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("due_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("started_at", DateTime(timezone=True)),
    Column("ended_at", DateTime(timezone=True)),
    # Each claim draws another one at random: whoever finishes the job under an older one is refused.
    Column("lease", Integer, nullable=False, server_default=text("0")),
    Column("lease_until", DateTime(timezone=True)),
    Column("attempts", SmallInteger, nullable=False, server_default=text("0")),
    Column("tries", SmallInteger, nullable=False),
    Column("step", Integer),
    Column("total", Integer),
    Column("error", Text),
    Column("result", Text),
    # Of a group: the job that is held until this one is done; and for how many others that one is held.
    Column("then_id", Uuid),
    Column("pending", Integer),
    Column("actor", Uuid),
    Column("request_id", Text),
    Column("correlation_id", Text),
    CheckConstraint("state IN ('held', 'waiting', 'running', 'done', 'dead', 'cancelled')", name="state"),
    CheckConstraint("queue BETWEEN 0 AND 4", name="queue"),
    Index("ix_platform_job_queue", "queue", "due_at", postgresql_where=text("state = 'waiting'")),
    Index("ix_platform_job_lease_until", "lease_until", postgresql_where=text("state = 'running'")),
    Index("ix_platform_job_state", "state", "id"),
    Index("ix_platform_job_name", "name", "id"),
    Index("ix_platform_job_actor", "actor", "id", postgresql_where=text("actor IS NOT NULL")),
    Index("ix_platform_job_ended_at", "ended_at", postgresql_where=text("state IN ('done', 'cancelled')")),
    Index(
        "uq_platform_job_name",
        "name",
        "unique_key",
        unique=True,
        postgresql_where=text("unique_key IS NOT NULL AND state IN ('waiting', 'running')"),
    ),
)
