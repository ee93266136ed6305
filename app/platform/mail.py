"""The port through which all mail goes: made from one template each, handed over once the unit of work is committed.

`console` prints it, for development; `memory` keeps it, for tests; with `none`, whatever needs mail is refused.
"""

from collections import deque
from collections.abc import Callable
from email.utils import formatdate, make_msgid
from functools import partial
from pathlib import Path
from typing import Protocol

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup
from msgspec import Struct

from app.kit.errors import Busy
from app.platform.database.work import UnitOfWork
from app.platform.observability.lines import STDOUT
from config.mailing import MailSettings

MOST_KEPT = 1_000  # in memory
PAGE = Markup(
    '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>{subject}</title>\n{paragraphs}\n</html>\n'
)


class Mail(Struct, frozen=True):
    """A message to one address. Raises ValueError where a line break would end a header early."""

    to: str
    subject: str
    text: str
    html: str

    def __post_init__(self) -> None:
        if not (self.to.isprintable() and self.subject.isprintable()):
            raise ValueError("an address and a subject are one line each")


class Letters:
    """A folder of templates, `name.txt` each: a subject, an empty line, and paragraphs with empty lines between them.

    Text and HTML are made from the same file. In it, `link(address, "What it does")` is a link. All files are read and
    compiled here, not in a request; what a template names must be given to it.
    """

    def __init__(self, folder: Path) -> None:
        self._text = _templates(folder, _link_in_text, autoescape=False)
        self._html = _templates(folder, _link_in_html, autoescape=True)

    def write(self, name: str, to: str, /, **values: object) -> Mail:
        """The mail of this name. Raises UndefinedError for a value that is missing."""
        subject, _, text = self._text[name].render(values).strip().partition("\n\n")
        _, _, marked = self._html[name].render(values).strip().partition("\n\n")
        paragraphs = Markup("\n").join(Markup(f"<p>{part}</p>") for part in marked.split("\n\n"))  # noqa: S704 - escaped
        return Mail(to, subject, f"{text}\n", PAGE.format(subject=subject, paragraphs=paragraphs))


def _templates(folder: Path, link: Callable[[str, str], str], *, autoescape: bool) -> dict[str, Template]:
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=autoescape,  # noqa: S701 - not of text that stays text
        undefined=StrictUndefined,
        auto_reload=False,
    )
    paths, given = sorted(folder.glob("*.txt")), {"link": link}
    return {path.stem: environment.get_template(path.name, globals=given) for path in paths}


def _link_in_text(address: str, what: str) -> str:
    return f"{what}:\n{address}"


def _link_in_html(address: str, what: str) -> Markup:
    return Markup('<a href="{}">{}</a>').format(address, what)


class Backend(Protocol):
    """What takes mail away."""

    def take(self, mail: Mail, sender: str) -> None:
        """Take one without waiting, for this runs on the event loop."""
        ...


class Console:
    """Prints mail on standard output, past the log and its censor: somebody wants to follow the link."""

    def take(self, mail: Mail, sender: str) -> None:
        """Print its text as it would be sent."""
        made_at, made_as = formatdate(localtime=True), make_msgid(domain="localhost")
        head = f"From: {sender}\nTo: {mail.to}\nSubject: {mail.subject}\nDate: {made_at}\nMessage-ID: {made_as}"
        STDOUT.write(f"----- mail\n{head}\n\n{mail.text}-----\n".encode())
        STDOUT.flush()


class Memory:
    """Keeps mail, the newest thousand, with whom each is from."""

    def __init__(self) -> None:
        self.taken: deque[tuple[Mail, str]] = deque(maxlen=MOST_KEPT)

    def take(self, mail: Mail, sender: str) -> None:
        """Keep it."""
        self.taken.append((mail, sender))


OWN_PAGES = "/account/{purpose}?token={token}"
BACKENDS: dict[str, Callable[[], Backend]] = {"console": Console, "memory": Memory}


class Mailer:
    """The way out of the house, one in each process."""

    def __init__(self, settings: MailSettings, origin: str | None) -> None:
        """`origin`: by which browsers know the house."""
        self.settings = settings
        self._origin = origin
        make = BACKENDS.get(settings.backend)
        self.backend: Backend | None = make() if make else None

    def link(self, purpose: str, token: str) -> str:
        """The address that a mail leads to: never made of what a request says of its host."""
        return (self.settings.link_template or f"{self._origin}{OWN_PAGES}").format(purpose=purpose, token=token)

    def require(self) -> None:
        """Nothing where mail can be sent. Raises Busy."""
        if self.backend is None:
            raise Busy("no mail can be sent from here", retry_after=3600)

    def send(self, work: UnitOfWork, mail: Mail) -> None:
        """Hand it over once the work is committed; never if it is not. Without a backend nothing is sent."""
        if self.backend is not None:
            work.after_commit(partial(self.backend.take, mail, self.settings.sender))


def mail_faults(settings: MailSettings) -> list[str]:
    """Why no mail leaves; nothing where some does."""
    if settings.backend in BACKENDS:
        return []
    return ["LITEHOUSE_MAIL is none: addresses cannot be confirmed, nor forgotten passwords replaced"]
