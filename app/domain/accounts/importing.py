"""Users of a Django project, from a file that its `dumpdata` wrote: judged row by row, imported all or not at all."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from app.domain.accounts.repositories import UserRepository
from app.domain.accounts.rules import RULES
from app.kit.errors import Invalid, Malformed
from app.platform.database.work import Service, repository
from app.platform.foreign_hashes import is_hash

NO_PASSWORD = "!"  # noqa: S105 - what no password hashes to
FLAGS = {"is_active": True, "is_staff": False, "is_superuser": False}  # and what Django has where one is missing

# Of which fields of Django's a column is made, with a space between them.
SOURCES = {"username": ("username",), "email": ("email",), "display_name": ("first_name", "last_name")}
TEXTS = ("username", "email", "first_name", "last_name", "password")


class Dumped(msgspec.Struct):
    """An object in the file. There is no `pk` where the dump was made with --natural-primary."""

    model: str
    fields: dict[str, Any]
    pk: int | str | None = None


class Wrong(NamedTuple):
    """What is wrong with a row, whose it is, and in which field of Django's."""

    row: str
    field: str
    text: str

    def __str__(self) -> str:
        return f"{self.row}, {self.field}: {self.text}"


class UserImport(Service):
    """Makes users of the rows."""

    users = repository(UserRepository)

    async def run(self, dump: bytes, *, is_rehearsal: bool) -> int:
        """Import the users and say how many there are; a rehearsal does all but that.

        Passwords go on working; groups and permissions stay behind. Raises Malformed for what is no such file, and
        Invalid with every row and field that is wrong, a name that is taken among them: then nobody is imported.
        """
        dumped = read(dump)
        wrong = [fault for name, user in dumped.items() for fault in faults(name, user.fields)]
        broken = {fault.row for fault in wrong}
        rows = {name: columns(user.fields) for name, user in dumped.items() if name not in broken}
        wrong += [*twice(rows), *await self._taken(rows)]
        if wrong:
            raise Invalid(detail="\n".join(map(str, wrong)))
        if not is_rehearsal:
            await self.users.add_rows(list(rows.values()))
        return len(rows)

    async def _taken(self, rows: dict[str, dict[str, Any]]) -> list[Wrong]:
        usernames, emails = ([row[field] for row in rows.values()] for field in ("username", "email"))
        known = await self.users.taken(usernames, emails)
        names = {"username": {name for name, _ in known}, "email": {email for _, email in known}}
        return [
            Wrong(name, field, "has already been taken")
            for name, row in rows.items()
            for field, texts in names.items()
            if row[field].lower() in texts
        ]


def read(dump: bytes) -> dict[str, Dumped]:
    """The users in a dump, each under a name for it: `pk 7`, or `user 3`, the third, where there is no key.

    A user is an object of a model called `user` in any app. Raises Malformed.
    """
    try:
        objects = msgspec.json.decode(dump, type=list[Dumped])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Malformed(detail=f"this is not what `manage.py dumpdata` writes as JSON: {error}") from error
    users = [dumped for dumped in objects if dumped.model.lower().endswith(".user")]
    if not users:
        raise Malformed(detail="there is no user in the file: no object's model is auth.user, or ends with .user")
    named: dict[str, Dumped] = {}
    for place, user in enumerate(users, start=1):
        name = f"user {place}" if user.pk is None else f"pk {user.pk}"
        named[name if name not in named else f"{name} ({user.model}, user {place})"] = user
    return named


def faults(name: str, fields: dict[str, Any]) -> Iterator[Wrong]:
    """Everything wrong with a row, field by field."""
    strange = {field for field in TEXTS if not isinstance(fields.get(field, ""), str)}
    yield from (Wrong(name, field, "must be a text") for field in TEXTS if field in strange)
    for field, sources in SOURCES.items():
        if strange.isdisjoint(sources):
            value = RULES[field].form(_text(fields, sources))
            yield from (Wrong(name, " and ".join(sources), text) for _, text in RULES[field].faults(value))
    if "password" not in strange and not _is_usable(_password(fields)):
        yield Wrong(name, "password", "is not a hash that can be compared with: argon2, PBKDF2 and bcrypt are")
    yield from (
        Wrong(name, flag, "must be true or false") for flag in FLAGS if not isinstance(_flag(fields, flag), bool)
    )
    if _joined(fields) is None:
        yield Wrong(name, "date_joined", "must be a date and a time")


def columns(fields: dict[str, Any]) -> dict[str, Any]:
    """The row of a user, for fields without faults."""
    texts = {field: RULES[field].form(_text(fields, sources)) for field, sources in SOURCES.items()}
    flags = {flag: _flag(fields, flag) for flag in FLAGS}
    display_name = texts.pop("display_name") or None
    return {
        **texts,
        **flags,
        "display_name": display_name,
        "password": _password(fields),
        "created_at": _joined(fields),
    }


def twice(rows: dict[str, dict[str, Any]]) -> Iterator[Wrong]:
    """The names and addresses that the file has more than once; upper and lower case are the same here."""
    first: dict[tuple[str, str], str] = {}
    for name, row in rows.items():
        for field in ("username", "email"):
            owner = first.setdefault((field, row[field].lower()), name)
            if owner != name:
                yield Wrong(name, field, f"is that of {owner}, too")


def _text(fields: dict[str, Any], sources: tuple[str, ...]) -> str:
    return " ".join(filter(None, (fields.get(source, "") for source in sources)))


def _password(fields: dict[str, Any]) -> str:
    """The hash; nobody signs in by one that is empty, or that Django made unusable."""
    known = fields.get("password", "")
    return NO_PASSWORD if not known or known.startswith(NO_PASSWORD) else known


def _is_usable(known: str) -> bool:
    return known == NO_PASSWORD or is_hash(known)


def _flag(fields: dict[str, Any], flag: str) -> Any:
    return fields.get(flag, FLAGS[flag])


def _joined(fields: dict[str, Any]) -> datetime | None:
    """When the user joined; a time without a zone is taken for UTC, and a missing one for now."""
    text = fields.get("date_joined")
    if text is None:
        return datetime.now(UTC)
    try:
        joined = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return joined if joined.tzinfo else joined.replace(tzinfo=UTC)
