"""Who may say what others may: pure functions of the viewer, the user and the permissions."""

from collections.abc import Iterable

from app.domain.accounts.models import User
from app.kit.errors import AppError, Conflict, Forbidden
from app.kit.identity import Permission, Viewer

MANAGE_PERMISSIONS = Permission("accounts.manage_permissions", "say what others may, by groups and by single grants")
MANAGE_USERS = Permission("accounts.manage_users", "see all users, let them in and keep them out")
MANAGE_PROVIDERS = Permission("accounts.manage_providers", "say by whom one can sign in")

# The command line: whoever can run it has the database.
OPERATOR = Viewer(is_superuser=True)


class NotHeld(Forbidden):
    """These permissions are not the caller's own: nobody gives or takes away what they do not hold themselves."""

    code = "not_held"
    title = "Not held"

    def __init__(self, names: Iterable[str]) -> None:
        AppError.__init__(self, "permissions", f"must be held by whoever gives or takes them: {', '.join(names)}")


class OwnAccount(Forbidden):
    """Nobody changes what they themselves may, nor their own standing: another has to do it."""

    code = "own_account"
    title = "One's own account"

    def __init__(self) -> None:
        AppError.__init__(self, "user", "must be another than yourself")


class LastSuperuser(Conflict):
    """The user is the last active one who may do everything: make another first."""

    code = "last_superuser"
    title = "The last superuser"

    def __init__(self) -> None:
        super().__init__("user", "is the last active superuser")


def require_held(viewer: Viewer, permissions: Iterable[str]) -> None:
    """Nothing where the viewer holds them all, and so may pass them on. Raises NotHeld, naming the others."""
    if missing := sorted(name for name in permissions if not viewer.holds(name)):
        raise NotHeld(missing)


def require_another(viewer: Viewer, user: User) -> None:
    """Nothing where the user is somebody else. Raises OwnAccount."""
    if viewer.id == user.id:
        raise OwnAccount


def may_do_everything(viewer: Viewer) -> bool:
    """Whether they are a superuser, with a token that is not limited."""
    return viewer.is_superuser and viewer.scopes is None


def may_admit(viewer: Viewer, user: User) -> bool:
    """Whether they may let this user in and keep them out: a superuser is judged by superusers alone."""
    return may_do_everything(viewer) or (viewer.may(MANAGE_USERS) and not user.is_superuser)
