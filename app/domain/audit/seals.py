"""What a seal is made of: the hashes of entries, their Merkle root (RFC 9162), and the chain from root to root."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from hashlib import sha256
from uuid import UUID

import msgspec

from app.platform.sealing import SealedColumn

SEALS = SealedColumn("audit_seal", "id", "mark")
POSITION, HASH = 8, 32  # bytes
NODE, LINK = b"\x01", b"\x02"  # how the text of a node begins, and that of a link; that of a leaf begins with 0
BEGINS_ANEW = "to_xid = 0 AND count = 0 AND NOT is_pruning"
FIRST = bytes(HASH)  # the head before the first one

# What is hashed, and exported: text of PostgreSQL's own making, the same for the same entry on every server.
CANONICAL = """
jsonb_build_object(
    'position', e.position, 'xid', e.xid, 'at', to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    'table', e.relation, 'key', e.key, 'operation', e.operation, 'actor', e.actor, 'requestId', e.request_id,
    'origin', e.origin, 'before', e.before, 'after', e.after,
    'person', p.person, 'personal', encode(p.ciphertext, 'hex')
)::text
"""
ENTRIES = "FROM {part} AS e LEFT JOIN audit_personal AS p ON p.position = e.position AND p.at = e.at"
WITHOUT_PERSONAL = "FROM {part} AS e LEFT JOIN audit_personal AS p ON false"
HASHED = f"sha256('\\x00'::bytea || convert_to({CANONICAL}, 'UTF8'))"


class Link(msgspec.Struct, frozen=True):
    """A seal, but for what vouches for it."""

    number: int
    id: UUID
    at: datetime
    part: str
    to_xid: int
    to_position: int
    count: int
    is_pruning: bool
    leaves: bytes
    root: bytes

    @property
    def begins_anew(self) -> bool:
        """Whether after `to_position`, in `part` and those after it, transactions are counted from the first again."""
        return self.to_xid == 0 and self.count == 0 and not self.is_pruning

    def head(self, before: bytes) -> bytes:
        """The hash that stands for this one and, by the head before it, for all before."""
        told = [self.number, str(self.id), self.at.isoformat(), self.part, self.to_xid, self.to_position, self.count]
        text = msgspec.json.encode([*told, self.is_pruning])
        return sha256(LINK + before + self.root + text).digest()


def packed(leaves: Sequence[tuple[int, bytes]]) -> bytes:
    """Positions and hashes, 40 bytes each."""
    return b"".join(position.to_bytes(POSITION) + leaf for position, leaf in leaves)


def unpacked(leaves: bytes) -> Iterator[tuple[int, bytes]]:
    """They again."""
    for start in range(0, len(leaves), POSITION + HASH):
        middle = start + POSITION
        yield int.from_bytes(leaves[start:middle]), leaves[middle : middle + HASH]


def root_of(leaves: Sequence[bytes]) -> bytes:
    """The root of the tree over these hashes of leaves."""
    level = list(leaves) or [sha256().digest()]
    while len(level) > 1:
        pairs = [sha256(NODE + a + b).digest() for a, b in zip(level[::2], level[1::2], strict=False)]
        level = pairs + level[len(pairs) * 2 :]
    return level[0]
