"""Mails made from templates: text and HTML from one file each."""

from collections.abc import Callable
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from app.platform.mail.message import Mail

PAGE = Markup(
    '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>{subject}</title>\n{paragraphs}\n</html>\n'
)


class Letters:
    """A folder of templates, `name.txt` each: a subject, an empty line, and paragraphs with empty lines between them.

    Text and HTML are made from the same file. In it, `link(address, "What it does")` is a link. All files are read and
    compiled here, not in a request; what a template names must be given to it.
    """

    def __init__(self, folder: Path) -> None:
        self._text = _templates(folder, _link_in_text, autoescape=False)
        self._html = _templates(folder, _link_in_html, autoescape=True)

    def write(self, name: str, to: str | None, /, **values: object) -> Mail:
        """The mail of this name. Raises UndefinedError for a value that is missing."""
        subject, _, text = self._text[name].render(values).strip().partition("\n\n")
        _, _, marked = self._html[name].render(values).strip().partition("\n\n")
        paragraphs = Markup("\n").join(Markup(f"<p>{part}</p>") for part in marked.split("\n\n"))  # noqa: S704 - escaped
        return Mail(to, subject, f"{text}\n", str(PAGE.format(subject=subject, paragraphs=paragraphs)))


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
