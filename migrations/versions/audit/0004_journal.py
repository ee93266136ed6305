"""Journal, from which entries are posted"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "audit_0004"
down_revision = "audit_0003"
branch_labels = None
depends_on = None

OWN = "pg_current_xact_id()::text::bigint"
# Who, as app/platform/database/caller.py tells it: not at all, or with nothing in it after a transaction that told it.
CALLER = """coalesce(nullif(current_setting('litehouse.caller', true), ''),
            format('- - sql:%s %s', session_user, current_setting('application_name')))"""
POSITION = "nextval('audit_entry_position_seq')"
TURN = int.from_bytes(b"audit")  # of whoever posts, who may be making keys that are seen by nobody yet
KEYS, PERSONAL = "TG_ARGV[0]::text[]", "TG_ARGV[3]::text[]"
# Secrets are in no table but their own, this one neither.
WITHOUT_SECRETS = "CASE strpos(TG_ARGV[2], '\"masked\"') WHEN 0 THEN {0} ELSE {0} || (TG_ARGV[2]::jsonb - {1}) END"
SHOWN = "CASE TG_ARGV[2] WHEN '{}' THEN r ELSE r || TG_ARGV[2]::jsonb END"


def key(row: str, keys: str = KEYS) -> str:
    """That of a row: of one column it is a path to it, along which of several there is nothing."""
    several = ", ".join(f"{row} ->> ({keys})[{number}]" for number in (1, 2, 3))
    return f"coalesce({row} #>> {keys}, concat_ws(',', {several}))"


def person(row: str) -> str:
    """Whose key the row's personal values are encrypted with."""
    return f"({row} ->> TG_ARGV[4])::uuid"


def whose(row: str, but: str = "") -> str:
    """The same, where there is somebody and a key to be had; nothing personal is kept of anybody else."""
    return f"CASE WHEN TG_ARGV[4] <> ''{but} AND audit_has_key({person(row)}) THEN {person(row)} END"


# Its arguments are described in audit_0001. All that it writes goes into the journal, which has no index: whoever makes
# a change pays for no more than to write it down once. Of new rows, of which there are most, it writes them as they are
# and how it was called, `args`; what follows from that is worked out when they are posted, or read before.
RECORD = f"""
CREATE OR REPLACE FUNCTION audit_record() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    rows_there integer;
    o jsonb;
    n jsonb;
    markers jsonb;
    holder uuid;
    moment timestamptz;
    gone uuid[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO audit_journal (position, xid, at, relation, operation, caller, args, after)
        SELECT {POSITION}, {OWN}, clock_timestamp(), TG_TABLE_NAME, 'insert',
            {CALLER},
            TG_ARGV, {WITHOUT_SECRETS.format("to_jsonb(_row)", PERSONAL)}
        FROM changed AS _row;
        RETURN NULL;
    END IF;

    moment := clock_timestamp();
    markers := TG_ARGV[2];
    IF TG_OP = 'UPDATE' THEN
        -- Nearly every UPDATE is of one row, or of none, or of a count: this takes a part of what the join below takes.
        SELECT count(*), any_value(f), any_value(c) INTO rows_there, o, n FROM (
            SELECT to_jsonb(_f) - TG_ARGV[1]::text[] AS f, to_jsonb(_c) - TG_ARGV[1]::text[] AS c
            FROM former AS _f, changed AS _c LIMIT 2
        ) AS pairs;
        IF rows_there = 0 OR rows_there = 1 AND o = n THEN
            RETURN NULL;
        ELSIF rows_there = 1 AND {key("o")} = {key("n")}
            AND o ->> TG_ARGV[4] IS NOT DISTINCT FROM n ->> TG_ARGV[4]
        THEN
            holder := {whose("n")};
            INSERT INTO audit_journal (position, xid, at, relation, operation, caller, key, before, after, person,
                personal_before, personal_after)
            SELECT {POSITION}, {OWN}, moment, TG_TABLE_NAME, 'update',
                {CALLER},
                {key("n")},
                jsonb_object_agg(name, coalesce(markers -> name, o -> name)),
                jsonb_object_agg(name, coalesce(markers -> name, n -> name)),
                holder,
                jsonb_object_agg(name, o -> name) FILTER (WHERE holder IS NOT NULL AND name = ANY ({PERSONAL})),
                jsonb_object_agg(name, n -> name) FILTER (WHERE holder IS NOT NULL AND name = ANY ({PERSONAL}))
            FROM jsonb_object_keys(n) AS name WHERE o -> name IS DISTINCT FROM n -> name;
            RETURN NULL;
        END IF;

        -- A row whose key has changed has no partner: one is gone, and another is there. So it is where the person has
        -- changed: what the former one wrote is never encrypted with the key of the next.
        WITH rows AS MATERIALIZED (
            SELECT {POSITION} AS position, key, one.f, one.c, {whose("coalesce(one.c, one.f)")} AS owner
            FROM (
                SELECT {key("r")} AS key, r - TG_ARGV[1]::text[] AS f
                FROM (SELECT to_jsonb(_row) AS r FROM former AS _row OFFSET 0) AS rows OFFSET 0
            ) AS former FULL JOIN (
                SELECT {key("r")} AS key, r - TG_ARGV[1]::text[] AS c
                FROM (SELECT to_jsonb(_row) AS r FROM changed AS _row OFFSET 0) AS rows OFFSET 0
            ) AS changed USING (key), LATERAL (
                SELECT f IS NULL OR c IS NULL OR f ->> TG_ARGV[4] IS NOT DISTINCT FROM c ->> TG_ARGV[4] AS is_same
            ) AS theirs, LATERAL (
                SELECT f, c WHERE is_same
                UNION ALL SELECT f, NULL WHERE NOT is_same
                UNION ALL SELECT NULL, c WHERE NOT is_same
            ) AS one
            WHERE former.f IS DISTINCT FROM changed.c
        )
        INSERT INTO audit_journal (position, xid, at, relation, operation, caller, key, before, after, person,
            personal_before, personal_after)
        SELECT position, {OWN}, moment, TG_TABLE_NAME,
            CASE WHEN f IS NULL THEN 'insert' WHEN c IS NULL THEN 'delete' ELSE 'update' END,
            {CALLER},
            key, CASE WHEN f IS NOT NULL THEN d.before END, CASE WHEN c IS NOT NULL THEN d.after END,
            owner, CASE WHEN f IS NOT NULL THEN p.before END, CASE WHEN c IS NOT NULL THEN p.after END
        FROM rows, audit_difference(f, c, markers) AS d, audit_difference(
            CASE WHEN owner IS NOT NULL THEN audit_only(f, {PERSONAL}) END,
            CASE WHEN owner IS NOT NULL THEN audit_only(c, {PERSONAL}) END, NULL
        ) AS p;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO audit_journal (position, xid, at, relation, operation, caller, key, before, person, personal_before)
        SELECT {POSITION}, {OWN}, moment, TG_TABLE_NAME, 'delete',
            {CALLER},
            {key("r")}, {SHOWN}, owner, CASE WHEN owner IS NOT NULL THEN audit_only(r, {PERSONAL}) END
        FROM (SELECT to_jsonb(_row) AS r FROM former AS _row OFFSET 0) AS rows, LATERAL (
            SELECT {whose("r", but=" AND TG_ARGV[5] <> 'persons'")} AS owner OFFSET 0
        ) AS theirs;
    ELSE
        INSERT INTO audit_journal (position, xid, at, relation, operation, caller, key)
        SELECT {POSITION}, {OWN}, moment, TG_TABLE_NAME, 'truncate',
            {CALLER},
            '';
    END IF;

    -- What is left of persons who are gone can be read by nobody from here on, and no key is made for them again. An id
    -- that an UPDATE took away is gone as well: nobody would ever delete its key.
    IF TG_ARGV[5] <> 'persons' THEN
        RETURN NULL;
    ELSIF TG_OP = 'TRUNCATE' THEN
        PERFORM pg_advisory_xact_lock({TURN});
        UPDATE audit_key SET key = NULL, destroyed_at = moment WHERE destroyed_at IS NULL;
        DELETE FROM audit_personal_pending;
        PERFORM audit_forget(NULL);
        RETURN NULL;
    ELSIF TG_OP = 'UPDATE' THEN
        gone := ARRAY(
            SELECT {person("to_jsonb(_row)")} FROM former AS _row
            EXCEPT SELECT {person("to_jsonb(_row)")} FROM changed AS _row
        );
    ELSE
        gone := ARRAY(SELECT {person("to_jsonb(_row)")} FROM former AS _row);
    END IF;
    IF cardinality(gone) > 0 THEN
        INSERT INTO audit_key (person, destroyed_at) SELECT one, moment FROM unnest(gone) AS one ORDER BY one
        ON CONFLICT (person) DO UPDATE SET key = NULL, destroyed_at = excluded.destroyed_at;
        DELETE FROM audit_personal_pending WHERE person = ANY (gone);
        PERFORM audit_forget(gone);
    END IF;
    RETURN NULL;
END $$
"""
# Of those, or of all, what is personal in the journal, which is read for it from end to end: people go seldom.
FORGET = """
CREATE FUNCTION audit_forget(gone uuid[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('litehouse.audit', 'posts', true);
    UPDATE audit_journal AS j SET args = NULL, key = p.key, after = p.after,
        person = NULL, personal_before = NULL, personal_after = NULL
    FROM audit_posting AS p WHERE p.place = j.ctid AND p.person IS NOT NULL AND (gone IS NULL OR p.person = ANY (gone));
    PERFORM set_config('litehouse.audit', '', true);
END $$
"""
LONGEST_ID = 128  # characters; PostgreSQL refuses to put some thousand into an index
# The journal as entries: `place` is where a row stands, `size` its bytes, the rest is what will be in the trail. Who
# changed it is anybody's word, and may be no word that one can be named by.
POSTING = f"""
CREATE VIEW audit_posting AS
SELECT ctid AS place, coalesce(pg_column_size(before), 0) + coalesce(pg_column_size(after), 0)
    + coalesce(pg_column_size(personal_before), 0) + coalesce(pg_column_size(personal_after), 0) AS size,
    xid, position, at, relation, coalesce(key, {key("after", "args[0]::text[]")}) AS key, operation,
    CASE WHEN pg_input_is_valid(split_part(caller, ' ', 1), 'uuid') THEN split_part(caller, ' ', 1)::uuid END AS actor,
    left(nullif(split_part(caller, ' ', 2), '-'), {LONGEST_ID}) AS request_id,
    coalesce(substring(caller FROM '^\\S+ \\S+ (.+)$'), caller) AS origin,
    before, CASE WHEN args IS NULL THEN after ELSE after || args[2]::jsonb END AS after,
    CASE WHEN pg_input_is_valid(after ->> args[4], 'uuid') THEN (after ->> args[4])::uuid ELSE person END AS person,
    personal_before, CASE WHEN after ->> args[4] IS NULL THEN personal_after ELSE (
        SELECT jsonb_object_agg(name, after -> name) FROM unnest(args[3]::text[]) AS name
    ) END AS personal_after
FROM audit_journal
"""
# All that was recorded, for whoever reads it: the posted entries and those that will be.
ENTRY = "xid, position, at, relation, key, operation, actor, request_id, origin, before, after"
TRAIL = f"""
CREATE VIEW audit_trail AS
SELECT {ENTRY}, NULL::uuid AS person, NULL::jsonb AS personal_before, NULL::jsonb AS personal_after FROM audit_entry
UNION ALL SELECT {ENTRY}, person, personal_before, personal_after FROM audit_posting
"""  # noqa: S608 - of texts of ours
# Nobody changes what was recorded, the owner neither; but partitions that are old can be dropped, the journal is posted,
# and of a seal its mark, by which the installation's secret vouches for it, is written anew when that is replaced.
REFUSE = """
CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_TABLE_NAME = 'audit_seal' AND TG_OP = 'UPDATE' THEN
        NEW := jsonb_populate_record(OLD, jsonb_build_object('mark', NEW.mark));
        RETURN NEW;
    ELSIF TG_TABLE_NAME = 'audit_journal' AND TG_OP <> 'TRUNCATE'
        AND current_setting('litehouse.audit', true) = 'posts'
    THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION '% is append-only: nothing in it is changed or deleted', TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$
"""
# Else a temporary table of a session could take the place of the trail, or a function of its own that of another.
PATHS = """
DO $$ BEGIN
    EXECUTE format('ALTER FUNCTION audit_record() SET search_path = %I, pg_temp', current_schema());
    EXECUTE format('ALTER FUNCTION audit_forget(uuid[]) SET search_path = %I, pg_temp', current_schema());
END $$
"""
# Back into the tables that the former function wrote to.
UNDONE = f"""
WITH waiting AS (
    INSERT INTO audit_personal_pending (position, at, person, before, after)
    SELECT position, at, person, personal_before, personal_after FROM audit_posting
    WHERE person IS NOT NULL AND coalesce(personal_before, personal_after) IS NOT NULL
)
INSERT INTO audit_entry ({ENTRY}) SELECT {ENTRY} FROM audit_posting
"""  # noqa: S608 - of texts of ours


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.create_table(
        "audit_journal",
        sa.Column("xid", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("relation", sa.Text(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("caller", sa.Text(), nullable=False),
        sa.Column("args", sa.ARRAY(sa.Text())),
        sa.Column("key", sa.Text()),
        sa.Column("before", postgresql.JSONB()),
        sa.Column("after", postgresql.JSONB()),
        sa.Column("person", sa.Uuid()),
        sa.Column("personal_before", postgresql.JSONB()),
        sa.Column("personal_after", postgresql.JSONB()),
    )
    # As the trail itself: what waits for a minute is not worth the time that it takes to compress it.
    for column in ("before", "after", "personal_before", "personal_after"):
        op.execute(f'ALTER TABLE audit_journal ALTER COLUMN "{column}" SET STORAGE EXTERNAL')
    op.execute("ALTER TABLE audit_journal SET (toast_tuple_target = 8160)")
    for statement in (REFUSE, POSTING, TRAIL, FORGET, RECORD, PATHS):
        op.execute(statement)
    op.execute("""
        CREATE TRIGGER changed BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_journal
        FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()
    """)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.execute("LOCK TABLE audit_journal IN ACCESS EXCLUSIVE MODE")
    scripts = op.get_context().environment_context.script
    op.execute(scripts.get_revision("audit_0002").module.RECORD)
    op.execute(scripts.get_revision("audit_0002").module.PATH)
    op.execute(scripts.get_revision("audit_0001").module.REFUSE.replace("CREATE", "CREATE OR REPLACE", 1))
    op.execute("DROP FUNCTION audit_forget(uuid[])")
    op.execute(UNDONE)
    for kind, name in (("VIEW", "audit_trail"), ("VIEW", "audit_posting"), ("TABLE", "audit_journal")):
        op.execute(f"DROP {kind} {name}")
