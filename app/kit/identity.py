"""Who is asking: the one value that every module knows about a caller."""

from datetime import UTC, datetime
from uuid import UUID

import msgspec


class Permission(msgspec.Struct, frozen=True):
    """Something that a route or a policy may ask for, declared by the module that owns it."""

    name: str
    meaning: str


class Viewer(msgspec.Struct, frozen=True):
    """A caller: `id` is None for an anonymous one; `credential` is the row of the token that was presented.

    `permissions` are the names of those that the user has been granted or has by a group; a superuser holds them all.
    `scopes` are the names of those that the token is limited to; None: it is good for all that the user may.
    `is_session`: the credential is a browser's cookie. `is_guarded`: the user has a second factor. `fresh_until`: so
    long it counts that they proved who they are.
    """

    id: UUID | None = None
    credential: UUID | None = None
    permissions: frozenset[str] = frozenset()
    is_superuser: bool = False
    scopes: frozenset[str] | None = None
    is_session: bool = False
    is_guarded: bool = False
    fresh_until: datetime | None = None

    @property
    def is_fresh(self) -> bool:
        """Whether the caller has proved a moment ago who they are."""
        return self.fresh_until is not None and self.fresh_until > datetime.now(UTC)

    def may(self, permission: Permission) -> bool:
        """Whether the caller holds the permission, and the token reaches it; a superuser holds them all."""
        return self.holds(permission.name)

    def holds(self, name: str) -> bool:
        """`may`, for the name of a permission that stands in a row."""
        return (self.scopes is None or name in self.scopes) and (self.is_superuser or name in self.permissions)

    def reaches(self, permission: Permission) -> bool:
        """Whether the token is not limited to other permissions; it says nothing of what its user may."""
        return self.scopes is None or permission.name in self.scopes


ANONYMOUS = Viewer()
