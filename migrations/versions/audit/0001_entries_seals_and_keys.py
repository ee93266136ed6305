"""Entries, seals and keys"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "audit_0001"
down_revision = None
branch_labels = ("audit",)
depends_on = "platform_0001"

OWN_TRANSACTION = "(pg_current_xact_id()::text)::bigint"

# What has changed between two rows, as it may be shown: of the columns in `markers`, that they have and no more.
DIFFERENCE = """
CREATE FUNCTION audit_difference(former jsonb, changed jsonb, markers jsonb, OUT before jsonb, OUT after jsonb)
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT jsonb_object_agg(name, coalesce(markers -> name, former -> name)),
        jsonb_object_agg(name, coalesce(markers -> name, changed -> name))
    FROM jsonb_object_keys(coalesce(changed, former)) AS name WHERE former -> name IS DISTINCT FROM changed -> name
$$
"""
ONLY = """
CREATE FUNCTION audit_only(fields jsonb, names text[]) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT jsonb_object_agg(name, fields -> name) FROM unnest(names) AS name WHERE fields IS NOT NULL
$$
"""
# Whether what is personal of somebody may be kept. Rows that go with a person (ON DELETE CASCADE) are recorded after
# the person's own, and so after the key was destroyed.
HAS_KEY = """
CREATE FUNCTION audit_has_key(whose uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT whose IS NOT NULL AND NOT EXISTS (SELECT FROM audit_key WHERE person = whose AND destroyed_at IS NOT NULL)
$$
"""
# The trigger function of all tables that are audited, once a statement and not once a row: AFTER INSERT, UPDATE and
# DELETE with the transition tables `former` and `changed`, and AFTER TRUNCATE. It goes by names alone, so that a column
# that is added by hand is recorded too. Its arguments, which app/platform/audited.py writes:
#   0  the columns of the key        {id}
#   1  columns whose change alone is no change        {favorites_count}
#   2  what is shown in the place of hidden columns        {"password": {"masked": true}}
#   3  those of them that are personal: their values go to audit_personal_pending        {email}
#   4  the column of the person whose key they are encrypted with, or nothing        user_id
#   5  `persons` for the table of the persons themselves: with a row of it goes the key
RECORD = """
CREATE FUNCTION audit_record() RETURNS trigger LANGUAGE plpgsql AS $$
<<told>>
DECLARE
    keys text[] := TG_ARGV[0];
    ignored text[] := TG_ARGV[1];
    markers jsonb := nullif(TG_ARGV[2], '{}');
    personal text[] := TG_ARGV[3];
    person text := nullif(TG_ARGV[4], '');
    is_of_persons boolean := TG_ARGV[5] = 'persons';
    caller text[];
    actor uuid;
    request text;
    origin text;
    own bigint;
    moment timestamptz;
    o jsonb;
    n jsonb;
    is_one boolean := false;
BEGIN
    -- Nearly every UPDATE is of one row, or of none, or of a count: this takes a quarter of what the joins below take.
    IF TG_OP = 'UPDATE' THEN
        CASE (SELECT count(*) FROM (SELECT FROM changed LIMIT 2) AS few)
        WHEN 0 THEN
            RETURN NULL;
        WHEN 1 THEN
            o := (SELECT to_jsonb(_row) FROM former AS _row);
            n := (SELECT to_jsonb(_row) FROM changed AS _row);
            IF o - ignored = n - ignored THEN
                RETURN NULL;
            END IF;
            is_one := concat_ws(',', o ->> keys[1], o ->> keys[2], o ->> keys[3])
                = concat_ws(',', n ->> keys[1], n ->> keys[2], n ->> keys[3]);
        ELSE
            NULL;
        END CASE;
    END IF;

    caller := string_to_array(nullif(current_setting('litehouse.caller', true), ''), ' ');
    actor := nullif(caller[1], '-');
    request := nullif(caller[2], '-');
    origin := coalesce(caller[3], format('sql:%s %s', session_user, current_setting('application_name')));
    own := pg_current_xact_id()::text::bigint;
    moment := clock_timestamp();

    IF TG_OP = 'INSERT' AND person IS NULL THEN
        INSERT INTO audit_entry (xid, at, relation, key, operation, actor, request_id, origin, after)
        SELECT own, moment, TG_TABLE_NAME, concat_ws(',', r ->> keys[1], r ->> keys[2], r ->> keys[3]), 'insert',
            actor, request, origin, coalesce(r || markers, r)
        FROM (SELECT to_jsonb(_row) AS r FROM changed AS _row OFFSET 0) AS rows;
    ELSIF TG_OP = 'INSERT' THEN
        WITH rows AS MATERIALIZED (
            SELECT nextval('audit_entry_position_seq') AS position, to_jsonb(_row) AS r FROM changed AS _row
        ), kept AS (
            INSERT INTO audit_personal_pending (position, at, person, after)
            SELECT position, moment, (r ->> person)::uuid, audit_only(r, personal) FROM rows
            WHERE audit_has_key((r ->> person)::uuid)
        )
        INSERT INTO audit_entry (position, xid, at, relation, key, operation, actor, request_id, origin, after)
        SELECT position, own, moment, TG_TABLE_NAME, concat_ws(',', r ->> keys[1], r ->> keys[2], r ->> keys[3]),
            'insert', actor, request, origin, r || markers
        FROM rows;
    ELSIF is_one AND person IS NULL THEN
        INSERT INTO audit_entry (xid, at, relation, key, operation, actor, request_id, origin, before, after)
        SELECT own, moment, TG_TABLE_NAME, concat_ws(',', n ->> keys[1], n ->> keys[2], n ->> keys[3]), 'update',
            actor, request, origin, d.before, d.after
        FROM audit_difference(o - ignored, n - ignored, markers) AS d;
    ELSIF TG_OP = 'UPDATE' THEN
        -- A row whose key has changed has no partner: one is gone, and another is there.
        WITH rows AS MATERIALIZED (
            SELECT nextval('audit_entry_position_seq') AS position, key, f.fields AS f, c.fields AS c
            FROM (
                SELECT concat_ws(',', r ->> keys[1], r ->> keys[2], r ->> keys[3]) AS key, r - ignored AS fields
                FROM (SELECT to_jsonb(_row) AS r FROM former AS _row OFFSET 0) AS rows OFFSET 0
            ) AS f FULL JOIN (
                SELECT concat_ws(',', r ->> keys[1], r ->> keys[2], r ->> keys[3]) AS key, r - ignored AS fields
                FROM (SELECT to_jsonb(_row) AS r FROM changed AS _row OFFSET 0) AS rows OFFSET 0
            ) AS c USING (key)
            WHERE f.fields IS DISTINCT FROM c.fields
        ), kept AS (
            INSERT INTO audit_personal_pending (position, at, person, before, after)
            SELECT position, moment, (coalesce(c, f) ->> person)::uuid, d.before, d.after
            FROM rows, audit_difference(audit_only(f, personal), audit_only(c, personal), NULL) AS d
            WHERE coalesce(d.before, d.after) IS NOT NULL AND audit_has_key((coalesce(c, f) ->> person)::uuid)
        )
        INSERT INTO audit_entry (position, xid, at, relation, key, operation, actor, request_id, origin, before, after)
        SELECT position, own, moment, TG_TABLE_NAME, key,
            CASE WHEN f IS NULL THEN 'insert' WHEN c IS NULL THEN 'delete' ELSE 'update' END, actor, request, origin,
            CASE WHEN f IS NOT NULL THEN d.before END, CASE WHEN c IS NOT NULL THEN d.after END
        FROM rows, audit_difference(f, c, markers) AS d;
    ELSIF TG_OP = 'DELETE' AND person IS NULL THEN
        INSERT INTO audit_entry (xid, at, relation, key, operation, actor, request_id, origin, before)
        SELECT own, moment, TG_TABLE_NAME, concat_ws(',', r ->> keys[1], r ->> keys[2], r ->> keys[3]), 'delete',
            actor, request, origin, coalesce(r || markers, r)
        FROM (SELECT to_jsonb(_row) AS r FROM former AS _row OFFSET 0) AS rows;
    ELSIF TG_OP = 'DELETE' THEN
        WITH rows AS MATERIALIZED (
            SELECT nextval('audit_entry_position_seq') AS position, to_jsonb(_row) AS r FROM former AS _row
        ), kept AS (
            INSERT INTO audit_personal_pending (position, at, person, before)
            SELECT position, moment, (r ->> person)::uuid, audit_only(r, personal) FROM rows
            WHERE NOT is_of_persons AND audit_has_key((r ->> person)::uuid)
        )
        INSERT INTO audit_entry (position, xid, at, relation, key, operation, actor, request_id, origin, before)
        SELECT position, own, moment, TG_TABLE_NAME, concat_ws(',', r ->> keys[1], r ->> keys[2], r ->> keys[3]),
            'delete', actor, request, origin, r || markers
        FROM rows;
    ELSE
        INSERT INTO audit_entry (xid, at, relation, key, operation, actor, request_id, origin)
        VALUES (own, moment, TG_TABLE_NAME, '', 'truncate', actor, request, origin);
    END IF;

    -- What is left of persons who are gone can be read by nobody from here on, and no key is made for them again.
    IF is_of_persons AND TG_OP = 'DELETE' THEN
        INSERT INTO audit_key (person, destroyed_at)
        SELECT (to_jsonb(_row) ->> told.person)::uuid, moment FROM former AS _row
        ON CONFLICT ON CONSTRAINT pk_audit_key DO UPDATE SET key = NULL, destroyed_at = excluded.destroyed_at;
        DELETE FROM audit_personal_pending AS p USING former AS _row
        WHERE p.person = (to_jsonb(_row) ->> told.person)::uuid;
    ELSIF is_of_persons AND TG_OP = 'TRUNCATE' THEN
        UPDATE audit_key SET key = NULL, destroyed_at = moment WHERE destroyed_at IS NULL;
        DELETE FROM audit_personal_pending;
    END IF;
    RETURN NULL;
END $$
"""
# Nobody changes what was recorded, the owner neither; but partitions that are old can be dropped. Of a seal its mark,
# by which the installation's secret vouches for it, is written anew when that secret is replaced.
REFUSE = """
CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_TABLE_NAME = 'audit_seal' AND TG_OP = 'UPDATE' THEN
        NEW := jsonb_populate_record(OLD, jsonb_build_object('mark', NEW.mark));
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '% is append-only: nothing in it is changed or deleted', TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$
"""
# A month, in UTC, of entries and of their personal values. A month of which rows lie in the rest already has none.
MAKE_PARTITIONS = """
CREATE FUNCTION audit_make_partitions(months integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    first timestamp := date_trunc('month', now() AT TIME ZONE 'UTC');
    part record;
    name text;
BEGIN
    FOR part IN
        SELECT parent, prefix, first + n * interval '1 month' AS month FROM generate_series(0, months) AS n,
            (VALUES ('audit_entry', 'auditlog_'), ('audit_personal', 'auditpersonal_')) AS kind (parent, prefix)
    LOOP
        name := part.prefix || to_char(part.month, 'YYYY"m"MM');
        CONTINUE WHEN to_regclass(name) IS NOT NULL;
        BEGIN
            EXECUTE format(
                'CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L) WITH (toast_tuple_target = 8160)',
                name, part.parent, part.month AT TIME ZONE 'UTC', (part.month + interval '1 month') AT TIME ZONE 'UTC'
            );
            EXECUTE format(
                'CREATE TRIGGER emptied BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()', name
            );
        EXCEPTION WHEN check_violation THEN NULL;
        END;
    END LOOP;
END $$
"""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.create_table(
        "audit_entry",
        sa.Column("position", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("xid", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("relation", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("actor", sa.Uuid()),
        sa.Column("request_id", sa.Text()),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("before", postgresql.JSONB()),
        sa.Column("after", postgresql.JSONB()),
        sa.PrimaryKeyConstraint("xid", "position", "at", name="pk_audit_entry"),
        postgresql_partition_by="RANGE (at)",
    )
    # Not compressed: the server's own way to compress takes longer than all the rest of writing it down.
    for column in ("before", "after"):
        op.execute(f'ALTER TABLE audit_entry ALTER COLUMN "{column}" SET STORAGE EXTERNAL')
    op.create_index("ix_audit_entry_relation", "audit_entry", ["relation", "key", "position"])
    for column in ("actor", "request_id"):
        op.create_index(
            f"ix_audit_entry_{column}",
            "audit_entry",
            [column, "xid", "position"],
            postgresql_where=sa.text(f"{column} IS NOT NULL"),
        )
    op.create_table(
        "audit_personal",
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("ciphertext", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("position", "at", name="pk_audit_personal"),
        postgresql_partition_by="RANGE (at)",
    )
    op.create_table(
        "audit_personal_pending",
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("before", postgresql.JSONB()),
        sa.Column("after", postgresql.JSONB()),
        sa.PrimaryKeyConstraint("position", name="pk_audit_personal_pending"),
    )
    op.create_index("ix_audit_personal_pending_person", "audit_personal_pending", ["person"])
    op.create_table(
        "audit_key",
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("key", sa.LargeBinary()),
        sa.Column("destroyed_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("person", name="pk_audit_key"),
    )
    op.create_table(
        "audit_seal",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("to_xid", sa.BigInteger(), nullable=False),
        sa.Column("to_position", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("leaves", sa.LargeBinary(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("head", sa.LargeBinary(), nullable=False),
        sa.Column("mark", sa.LargeBinary(), nullable=False),
        sa.Column("is_pruning", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_audit_seal"),
    )
    op.create_index("ix_audit_seal_part", "audit_seal", ["part", "number"])
    op.create_index("uq_audit_seal_id", "audit_seal", ["id"], unique=True)
    for statement in (DIFFERENCE, ONLY, HAS_KEY, RECORD, REFUSE, MAKE_PARTITIONS):
        op.execute(statement)
    # Else the temporary table of a session could take the place of the trail, which it then would write past.
    op.execute("""
        DO $$ BEGIN
            EXECUTE format('ALTER FUNCTION audit_record() SET search_path = %I, pg_temp', current_schema());
            EXECUTE format('ALTER FUNCTION audit_has_key(uuid) SET search_path = %I, pg_temp', current_schema());
        END $$
    """)
    for table in ("audit_entry", "audit_personal", "audit_seal"):
        op.execute(f"""
            CREATE TRIGGER changed BEFORE UPDATE OR DELETE ON {table}
            FOR EACH ROW EXECUTE FUNCTION audit_refuse()
        """)
    for parent, rest in (("audit_entry", "auditlog_rest"), ("audit_personal", "auditpersonal_rest")):
        # Takes what has no partition of its own: nothing is lost when nobody makes the next one in time.
        op.execute(f"CREATE TABLE {rest} PARTITION OF {parent} DEFAULT WITH (toast_tuple_target = 8160)")
    for table in ("audit_entry", "auditlog_rest", "audit_personal", "auditpersonal_rest", "audit_seal"):
        op.execute(f"""
            CREATE TRIGGER emptied BEFORE TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()
        """)
    op.execute("SELECT audit_make_partitions(3)")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.execute("DROP FUNCTION audit_record() CASCADE")  # with the triggers on the tables of other modules
    for table in ("audit_seal", "audit_key", "audit_personal_pending", "audit_personal", "audit_entry"):
        op.drop_table(table)
    op.execute("DROP FUNCTION audit_make_partitions(integer)")
    op.execute("DROP FUNCTION audit_refuse()")
    op.execute("DROP FUNCTION audit_has_key(uuid)")
    op.execute("DROP FUNCTION audit_only(jsonb, text[])")
    op.execute("DROP FUNCTION audit_difference(jsonb, jsonb, jsonb)")
