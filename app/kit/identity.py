"""Who is asking: the one value that every module knows about a caller."""

from uuid import UUID

import msgspec


class Permission(msgspec.Struct, frozen=True):
    """Something that a route or a policy may ask for, declared by the module that owns it."""

    name: str
    meaning: str


class Viewer(msgspec.Struct, frozen=True):
    """A caller: `id` is None for an anonymous one; `credential` is the row of the token that was presented."""

    id: UUID | None = None
    credential: UUID | None = None
    permissions: frozenset[str] = frozenset()
    is_superuser: bool = False

    def may(self, permission: Permission) -> bool:
        """Whether the caller holds the permission; a superuser holds them all."""
        return self.is_superuser or permission.name in self.permissions


ANONYMOUS = Viewer()
