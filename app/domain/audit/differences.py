"""Readable differences, and rows rebuilt backwards from what they are: pure functions over entries."""

from typing import Any

from msgspec import json

from app.domain.audit.persons import decrypted
from app.domain.audit.queries import Former, Recorded, Since
from app.domain.audit.schemas import ChangeOut, Shown
from app.kit.errors import Conflict
from app.platform.audited import MASKED, PERSONAL, Audited, Row
from app.platform.sealing import Seal

Values = tuple[Row, Row]
"""The personal values of an entry, before and after."""


def changes_of(entry: Recorded, personal: Values | None) -> list[ChangeOut]:
    """What became of each column, in the order in which PostgreSQL has them."""
    before, after = entry.before or {}, entry.after or {}
    return [_change(name, before.get(name), after.get(name), personal) for name in {**before, **after}]


def _change(name: str, before: Any, after: Any, personal: Values | None) -> ChangeOut:
    shown = _shown(name, after if before is None else before, personal)
    if shown == "personal" and personal is not None:
        before, after = personal[0].get(name), personal[1].get(name)
    elif shown != "plain":
        before = after = None
    return ChangeOut(name, shown, before, after)


def _shown(name: str, value: Any, personal: Values | None) -> Shown:
    if value == {MASKED: True}:
        return "masked"
    if value != {PERSONAL: True}:
        return "plain"
    return "personal" if personal is not None and (name in personal[0] or name in personal[1]) else "unreadable"


def rebuilt(audited: Audited, since: Since, seal: Seal | None) -> tuple[dict[str, Any] | None, list[str]]:
    """The row before all of these changes of it, and the names of columns that cannot be known.

    Takes time: as many changes are decoded and decrypted. `seal`: None where nothing can be decrypted.
    Raises Conflict where its table was emptied meanwhile.
    """
    known = None if since.row is None else json.decode(since.row)
    for change in since.changes:
        if change.operation == "truncate":
            raise Conflict("asOf", f"lies before {change.at:%Y-%m-%d %H:%M:%S} UTC, when the table was emptied")
        if change.operation == "insert":
            known = None
        else:
            # What was ignored is in no difference, and stays as it is.
            former = _former(change, seal)
            known = former if change.operation == "delete" or known is None else {**known, **former}
    if known is None:
        return None, []
    hidden = [name for name, value in known.items() if value in ({PERSONAL: True}, {MASKED: True})]
    hidden += [name for name in audited.masked if name in known and name not in hidden]
    return {name: value for name, value in known.items() if name not in hidden}, hidden


def _former(change: Former, seal: Seal | None) -> dict[str, Any]:
    former, personal = json.decode(change.before or "{}"), json.decode(change.pending or "{}")
    if seal and change.person and change.person_key and change.ciphertext:
        values = decrypted(seal, change.person, change.person_key, change.position, change.ciphertext)
        personal = values[0] if values else {}
    return {**former, **personal}
