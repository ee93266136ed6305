"""Who may do what at the admin site: a model's permissions are those of the module that owns it."""

from typing import NamedTuple

from adminsite.permissions import Permission as Asked

from app.kit.identity import Permission, Viewer


class Access(NamedTuple):
    """The permissions that the site asks for; what has None here, or is left out, is a superuser's."""

    view: Permission | None = None
    add: Permission | None = None
    change: Permission | None = None
    delete: Permission | None = None

    def allows(self, viewer: Viewer, asked: str) -> bool:
        """Whether the viewer may do what adminsite asks about, or holds the permission that an action names."""
        if "." in asked:  # a module's permission, by which an action is guarded
            return viewer.holds(asked)
        return all(_may(viewer, permission) for permission in self._for(asked))

    def _for(self, asked: str) -> tuple[Permission | None, ...]:
        match asked:
            case Asked.CREATE:
                return self.view, self.add
            case Asked.EDIT:
                return self.view, self.change
            case Asked.DELETE:
                return self.view, self.delete
            case Asked.IMPORT:
                return self.view, self.add, self.change
        return (self.view,)


def _may(viewer: Viewer, permission: Permission | None) -> bool:
    return viewer.is_superuser if permission is None else viewer.may(permission)
