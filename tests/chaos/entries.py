"""What clients write in the ledger, and what must then hold there."""

from tests.chaos.scenario import Scenario, Write

ENTRIES = "/api/v1/ledger/entries"
SUBSCRIBERS = (("ledger.hear", ["ledger.entry_made"]), ("ledger.witness", None))  # and what they hear
EFFECTS = "('booked'), ('balanced'), ('checked 1'), ('checked 2'), ('closed'), ('heard')"
ONCE = "an acknowledged entry exists once"
EFFECTS_ONCE = "each effect of an entry happened once: by its jobs, by the group's last, by who heard of it"
CHECKS = {
    ONCE: """
        SELECT w.name, count(e.id) FROM chaos_write w LEFT JOIN ledger_entry e USING (name)
        WHERE w.kind = 'entry' AND w.is_acknowledged GROUP BY w.name HAVING count(e.id) <> 1""",
    "an entry exists once at most, and somebody wrote it": """
        SELECT e.name, count(*), count(w.name) FROM ledger_entry e LEFT JOIN chaos_write w USING (name)
        GROUP BY e.name HAVING count(*) <> 1 OR count(w.name) <> 1""",
    EFFECTS_ONCE: f"""
        SELECT e.name, k.kind, count(f.kind) FROM ledger_entry e CROSS JOIN (VALUES {EFFECTS}) AS k (kind)
        LEFT JOIN ledger_effect f ON f.entry_id = e.id AND f.kind = k.kind
        GROUP BY e.id, e.name, k.kind HAVING count(f.kind) <> 1""",
    "no effect is without its entry": """
        SELECT f.entry_id, f.kind FROM ledger_effect f LEFT JOIN ledger_entry e ON e.id = f.entry_id
        WHERE e.id IS NULL""",
    "an entry was told of once": """
        SELECT e.name, count(v.id) FROM ledger_entry e
        LEFT JOIN platform_event v ON v.name = 'ledger.entry_made' AND v.payload ->> 'entryId' = e.id::text
        GROUP BY e.id, e.name HAVING count(v.id) <> 1""",
    "nothing was told of that is not": """
        SELECT v.position, v.payload ->> 'name' FROM platform_event v
        LEFT JOIN ledger_entry e ON e.id = (v.payload ->> 'entryId')::uuid
        WHERE v.name = 'ledger.entry_made' AND e.id IS NULL""",
    "each event reached the witness of all once": """
        SELECT v.position, v.name, count(w.event_id) FROM platform_event v
        LEFT JOIN ledger_witness w ON w.event_id = v.id GROUP BY v.position, v.name HAVING count(w.event_id) <> 1""",
}


def write(name: str, number: int) -> Write:
    """The client's write of this number."""
    return Write("entry", name, ENTRIES, {"name": name, "seconds": 0.02 * (number % 10)})


SCENARIO = Scenario(CHECKS, write=write)
