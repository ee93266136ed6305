"""Mails made from templates: text and HTML from one file each."""

from pathlib import Path

from markupsafe import Markup

from app.platform.mail.message import Mail
from app.platform.templates import templates

PAGE = Markup(
    '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>{subject}</title>\n{paragraphs}\n</html>\n'
)


class Letters:
    """A folder of templates, `name.txt` each: a subject, an empty line, and paragraphs with empty lines between them.

    Text and HTML are made from the same file. In it, `link(address, "What it does")` is a link. What a template names
    must be given to it.
    """

    def __init__(self, folder: Path) -> None:
        self._text = templates(folder, autoescape=False, given={"link": _link_in_text})
        self._html = templates(folder, autoescape=True, given={"link": _link_in_html})

    def write(self, name: str, to: str | None, /, **values: object) -> Mail:
        """The mail of this name. Raises UndefinedError for a value that is missing."""
        subject, _, text = self._text.get_template(f"{name}.txt").render(values).strip().partition("\n\n")
        _, _, marked = self._html.get_template(f"{name}.txt").render(values).strip().partition("\n\n")
        paragraphs = Markup("\n").join(Markup(f"<p>{part}</p>") for part in marked.split("\n\n"))  # noqa: S704 - escaped
        return Mail(to, subject, f"{text}\n", str(PAGE.format(subject=subject, paragraphs=paragraphs)))


def _link_in_text(address: str, what: str) -> str:
    return f"{what}:\n{address}"


def _link_in_html(address: str, what: str) -> Markup:
    return Markup('<a href="{}">{}</a>').format(address, what)
