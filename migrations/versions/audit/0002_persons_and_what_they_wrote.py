"""Persons and what they wrote"""

from alembic import op

revision = "audit_0002"
down_revision = "audit_0001"

OWN = "pg_current_xact_id()::text::bigint"
# Who, as app/platform/database/caller.py tells it: not at all, or with nothing in it after a transaction that told it.
CALLER = "current_setting('litehouse.caller', true)"
BY_HAND = "format('sql:%s %s', session_user, current_setting('application_name'))"
WHO = f"""nullif(rtrim(split_part({CALLER}, ' ', 1), '-'), '')::uuid,
            nullif(nullif(split_part({CALLER}, ' ', 2), '-'), ''),
            coalesce(nullif(split_part({CALLER}, ' ', 3), ''), {BY_HAND})"""
KEYS, PERSONAL = "TG_ARGV[0]::text[]", "TG_ARGV[3]::text[]"
SHOWN = "CASE TG_ARGV[2] WHEN '{}' THEN r ELSE r || TG_ARGV[2]::jsonb END"
ONLY = f"""CASE cardinality({PERSONAL}) WHEN 1 THEN jsonb_build_object(({PERSONAL})[1], r -> ({PERSONAL})[1])
                ELSE (SELECT jsonb_object_agg(name, r -> name) FROM unnest({PERSONAL}) AS name) END"""


def key(row: str) -> str:
    """That of a row: of one column it is a path to it, along which of several there is nothing."""
    several = ", ".join(f"{row} ->> ({KEYS})[{number}]" for number in (1, 2, 3))
    return f"coalesce({row} #>> {KEYS}, concat_ws(',', {several}))"


def person(row: str) -> str:
    """Whose key the row's personal values are encrypted with."""
    return f"({row} ->> TG_ARGV[4])::uuid"


# Its arguments are described in audit_0001. What recording a row costs is what its statements and variables cost: an
# INSERT takes one statement and no variable, and what it needs twice stands there twice.
RECORD = f"""
CREATE OR REPLACE FUNCTION audit_record() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    rows_there integer;
    o jsonb;
    n jsonb;
    markers jsonb;
    place bigint;
    moment timestamptz;
    gone uuid[];
BEGIN
    IF TG_OP = 'INSERT' AND TG_ARGV[4] = '' THEN
        INSERT INTO audit_entry (xid, at, relation, key, operation, actor, request_id, origin, after)
        SELECT {OWN}, clock_timestamp(), TG_TABLE_NAME, {key("r")}, 'insert',
            {WHO}, {SHOWN}
        FROM (SELECT to_jsonb(_row) AS r FROM changed AS _row OFFSET 0) AS rows;
        RETURN NULL;
    ELSIF TG_OP = 'INSERT' THEN
        -- Whoever a new row refers to is there. Were it not so, the next seal would drop what is personal in it.
        WITH rows AS MATERIALIZED (
            SELECT nextval('audit_entry_position_seq') AS position, clock_timestamp() AS at, to_jsonb(_row) AS r
            FROM changed AS _row
        ), kept AS (
            INSERT INTO audit_personal_pending (position, at, person, after)
            SELECT position, at, {person("r")}, {ONLY}
            FROM rows WHERE r ->> TG_ARGV[4] IS NOT NULL
        )
        INSERT INTO audit_entry (position, xid, at, relation, key, operation, actor, request_id, origin, after)
        SELECT position, {OWN}, at, TG_TABLE_NAME, {key("r")}, 'insert',
            {WHO}, r || TG_ARGV[2]::jsonb
        FROM rows;
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
            INSERT INTO audit_entry (xid, at, relation, key, operation, actor, request_id, origin, before, after)
            SELECT {OWN}, moment, TG_TABLE_NAME, {key("n")}, 'update',
                {WHO},
                jsonb_object_agg(name, coalesce(markers -> name, o -> name)),
                jsonb_object_agg(name, coalesce(markers -> name, n -> name))
            FROM jsonb_object_keys(n) AS name WHERE o -> name IS DISTINCT FROM n -> name
            RETURNING position INTO place;
            IF TG_ARGV[4] <> '' THEN
                INSERT INTO audit_personal_pending (position, at, person, before, after)
                SELECT place, moment, {person("n")},
                    jsonb_object_agg(name, o -> name), jsonb_object_agg(name, n -> name)
                FROM unnest({PERSONAL}) AS name WHERE o -> name IS DISTINCT FROM n -> name
                HAVING count(*) > 0 AND audit_has_key({person("n")});
            END IF;
            RETURN NULL;
        END IF;

        -- A row whose key has changed has no partner: one is gone, and another is there. So it is where the person has
        -- changed: what the former one wrote is never encrypted with the key of the next.
        WITH rows AS MATERIALIZED (
            SELECT nextval('audit_entry_position_seq') AS position, key, one.f, one.c, coalesce(one.c, one.f) AS r
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
        ), kept AS (
            INSERT INTO audit_personal_pending (position, at, person, before, after)
            SELECT position, moment, {person("r")},
                CASE WHEN f IS NOT NULL THEN d.before END, CASE WHEN c IS NOT NULL THEN d.after END
            FROM rows, audit_difference(audit_only(f, {PERSONAL}), audit_only(c, {PERSONAL}), NULL) AS d
            WHERE TG_ARGV[4] <> '' AND coalesce(d.before, d.after) IS NOT NULL AND audit_has_key({person("r")})
        )
        INSERT INTO audit_entry (position, xid, at, relation, key, operation, actor, request_id, origin, before, after)
        SELECT position, {OWN}, moment, TG_TABLE_NAME, key,
            CASE WHEN f IS NULL THEN 'insert' WHEN c IS NULL THEN 'delete' ELSE 'update' END,
            {WHO},
            CASE WHEN f IS NOT NULL THEN d.before END, CASE WHEN c IS NOT NULL THEN d.after END
        FROM rows, audit_difference(f, c, markers) AS d;
    ELSIF TG_OP = 'DELETE' THEN
        WITH rows AS MATERIALIZED (
            SELECT nextval('audit_entry_position_seq') AS position, to_jsonb(_row) AS r FROM former AS _row
        ), kept AS (
            INSERT INTO audit_personal_pending (position, at, person, before)
            SELECT position, moment, {person("r")}, audit_only(r, {PERSONAL})
            FROM rows WHERE TG_ARGV[4] <> '' AND TG_ARGV[5] <> 'persons' AND audit_has_key({person("r")})
        )
        INSERT INTO audit_entry (position, xid, at, relation, key, operation, actor, request_id, origin, before)
        SELECT position, {OWN}, moment, TG_TABLE_NAME, {key("r")}, 'delete',
            {WHO}, {SHOWN}
        FROM rows;
    ELSE
        INSERT INTO audit_entry (xid, at, relation, key, operation, actor, request_id, origin)
        SELECT {OWN}, moment, TG_TABLE_NAME, '', 'truncate',
            {WHO};
    END IF;

    -- What is left of persons who are gone can be read by nobody from here on, and no key is made for them again. An id
    -- that an UPDATE took away is gone as well: nobody would ever delete its key.
    IF TG_ARGV[5] <> 'persons' THEN
        RETURN NULL;
    ELSIF TG_OP = 'TRUNCATE' THEN
        UPDATE audit_key SET key = NULL, destroyed_at = moment WHERE destroyed_at IS NULL;
        DELETE FROM audit_personal_pending;
        RETURN NULL;
    ELSIF TG_OP = 'UPDATE' THEN
        gone := ARRAY(
            SELECT {person("to_jsonb(_row)")} FROM former AS _row
            EXCEPT SELECT {person("to_jsonb(_row)")} FROM changed AS _row
        );
    ELSE
        gone := ARRAY(SELECT {person("to_jsonb(_row)")} FROM former AS _row);
    END IF;
    INSERT INTO audit_key (person, destroyed_at) SELECT one, moment FROM unnest(gone) AS one
    ON CONFLICT (person) DO UPDATE SET key = NULL, destroyed_at = excluded.destroyed_at;
    DELETE FROM audit_personal_pending WHERE person = ANY (gone);
    RETURN NULL;
END $$
"""
# Else the temporary table of a session could take the place of the trail. It costs nothing that could be measured.
PATH = """
DO $$ BEGIN
    EXECUTE format('ALTER FUNCTION audit_record() SET search_path = %I, pg_temp', current_schema());
END $$
"""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    _store("EXTERNAL", "SET (toast_tuple_target = 8160)")
    op.execute(RECORD)
    op.execute(PATH)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    former = op.get_context().environment_context.script.get_revision(down_revision).module.RECORD
    op.execute(former.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION", 1))
    op.execute(PATH)
    _store("EXTENDED", "RESET (toast_tuple_target)")


def _store(storage: str, target: str) -> None:
    """As the trail itself: what waits for a minute is not worth the time that it takes to compress it."""
    for column in ("before", "after"):
        op.execute(f'ALTER TABLE audit_personal_pending ALTER COLUMN "{column}" SET STORAGE {storage}')
    op.execute(f"ALTER TABLE audit_personal_pending {target}")
