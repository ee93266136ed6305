"""By which a domain module offers itself to the house: one frozen value, found by the list of installed modules."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from uuid import UUID

import click
import msgspec
from litestar import Router

from app.kit.identity import Permission
from app.kit.news import Kind
from app.platform.audited import Audited
from app.platform.database.pools import Database
from app.platform.database.work import Source
from app.platform.events.subscribers import Subscriber
from app.platform.figures import Figures
from app.platform.jobs.declaration import Job
from app.platform.sealing import SealedColumn
from app.platform.security import Authenticator
from config.settings import Settings

Check = Callable[[Settings, Database], Awaitable[Sequence[str]]]
"""What is wrong, a line for each fault; nothing when all is well."""

Demo = Callable[[Database, Settings], Awaitable[str]]
"""Fills the module's tables when they are empty; a line for each `up` to print: what is there, how to sign in."""


Share = Callable[[Source, UUID], Awaitable[msgspec.Struct]]
"""All that the module holds of a user, who wants to have it; secrets are left out."""


@dataclass(frozen=True, kw_only=True)
class Module:
    """What a module brings; everything but its name and summary may be absent.

    `admin`: the room of what it shows at the admin site, by its dotted name: it is imported when the site is asked for.
    The templates of its pages lie in the module's folder `admin_templates`, and what it says there in other languages
    in `admin_locales`.
    `on_request`: of the jobs, those that users ask for: who did sees how far one is, and may have it not done. All else
    that follows from what users do is the house's: else a thief would cancel the mail that tells of the theft.
    """

    name: str
    summary: str
    routers: Sequence[Router] = ()
    permissions: Sequence[Permission] = ()
    kinds: Sequence[Kind] = ()
    authenticator: Callable[[Settings], Authenticator] | None = None
    commands: Sequence[click.Command] = ()
    checks: Sequence[Check] = ()
    subscribers: Sequence[Subscriber] = ()
    jobs: Sequence[Job] = ()
    on_request: Sequence[Job] = ()
    sealed: Sequence[SealedColumn] = ()
    admin: str | None = None
    demo: Demo | None = None
    share: Share | None = None
    audited: Sequence[Audited] = ()
    recorder: str | None = None  # the trigger function of the tables that are audited; of one module alone
    figures: Sequence[Figures] = ()

    def __post_init__(self) -> None:
        """Refuse what is stored by its name and is not called `<module>.…`, or twice the same. Raises ValueError."""
        self._check("permission", [permission.name for permission in self.permissions])
        self._check("kind", [kind.name for kind in self.kinds])
        self._check("subscriber", [subscriber.name for subscriber in self.subscribers])
        self._check("job", [job.name for job in self.jobs])
        if strangers := sorted({job.name for job in self.on_request} - {job.name for job in self.jobs}):
            message = f"{', '.join(strangers)}: what {self.name} does on request is among its jobs"
            raise ValueError(message)
        if strangers := [one.table.name for one in self.audited if not one.table.name.startswith(f"{self.name}_")]:
            message = f"{', '.join(strangers)}: {self.name} has tables of its own audited, and no others"
            raise ValueError(message)

    def _check(self, kind: str, names: Sequence[str]) -> None:
        for name in names:
            if not name.startswith(f"{self.name}."):
                message = f"{name}: a {kind} of {self.name} is called {self.name}.…"
                raise ValueError(message)
            if names.count(name) > 1:
                message = f"{name}: {self.name} has two {kind}s of this name"
                raise ValueError(message)


def installed(names: Sequence[str]) -> list[Module]:
    """The modules of these names, in their order. Raises LookupError naming a folder that offers none."""
    modules = []
    for name in names:
        module = getattr(import_module(f"app.domain.{name}.module"), "module", None)
        if not isinstance(module, Module) or module.name != name:
            message = f"app/domain/{name}/module.py offers no `module = Module(name={name!r}, …)`"
            raise LookupError(message)
        modules.append(module)
    return modules


def offered(modules: Iterable[Module]) -> list[str]:
    """The names of all subscribers of the modules."""
    return [subscriber.name for module in modules for subscriber in module.subscribers]


def declared(modules: Iterable[Module]) -> dict[str, Permission]:
    """What the modules let somebody be granted, by name, in the order of the modules."""
    return {permission.name: permission for module in modules for permission in module.permissions}


def followed(modules: Iterable[Module]) -> list[str]:
    """The names of the jobs that those follow who asked for them."""
    return [job.name for module in modules for job in module.on_request]


def told(modules: Iterable[Module]) -> dict[str, Kind]:
    """What the modules tell users of, by name, in the order of the modules."""
    return {kind.name: kind for module in modules for kind in module.kinds}


def audited(modules: Iterable[Module]) -> dict[str, Audited]:
    """What the modules have audited, by the name of the table, in the order of the modules."""
    return {one.table.name: one for module in modules for one in module.audited}


def recorder(modules: Iterable[Module]) -> str | None:
    """The trigger function by which it is recorded, where a module offers one."""
    return next((module.recorder for module in modules if module.recorder), None)
