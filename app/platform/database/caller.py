"""Who a transaction is for: PostgreSQL is told with BEGIN, so that triggers can write it down."""

import re
from contextvars import ContextVar

from app.kit.identity import Viewer
from app.platform.observability.identity import IDS

# What runs, where that is no request: `job:<name>`, `event:<subscriber>`, `command:<name>`.
ORIGIN: ContextVar[str] = ContextVar("origin", default="")

BEGIN = "BEGIN"
# One round trip; the setting ends with the transaction: the next one on the connection may be somebody else's.
BEGIN_FOR = "BEGIN TRANSACTION; SET LOCAL litehouse.caller = '{actor} {request} {origin}'"
NOBODY = "-"
_UNUSUAL = re.compile(r"[^\w.:-]", re.ASCII)


def beginning(viewer: Viewer) -> str:
    """The statement that begins a transaction of the viewer's, within this request, job, event or command."""
    ids, origin = IDS.get(), ORIGIN.get()
    if ids is None and not origin and viewer.id is None:
        return BEGIN
    request = _UNUSUAL.sub("_", ids.request) if ids else NOBODY
    return BEGIN_FOR.format(actor=viewer.id or NOBODY, request=request, origin=_UNUSUAL.sub("_", origin or "request"))
