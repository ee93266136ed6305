"""The house's errors as the admin's forms show them: what is wrong with a field beside it, the rest above."""

from collections.abc import Generator, Iterable
from contextlib import contextmanager

from adminsite.exceptions import RefusedError
from starlette.requests import Request

from app.kit.errors import Violation
from app.platform.admin.wording import told, told_of
from app.platform.database.refusals import translate

ERRORS = "litehouse_errors"  # in a request's state: the messages beside its form's fields


@contextmanager
def refusals(request: Request, paths: Iterable[str], *, inside: str = "") -> Generator[None]:
    """Have what a verb refuses shown in the form that this request sent. Raises RefusedError.

    `inside`: what the names of the inputs begin with, for a row inside another record's form.
    """
    try:
        yield
    except RefusedError:
        raise
    except Exception as error:
        refusal = translate(error)
        if refusal is None or refusal.status >= 500:
            raise
        beside = beside_fields(refusal.violations, paths)
        getattr(request.state, ERRORS, {}).update({f"{inside}{path}": text for path, text in beside.items()})
        raise RefusedError(told_of(refusal)) from error


def beside_fields(violations: Iterable[Violation], paths: Iterable[str]) -> dict[str, str]:
    """What is said beside which field, in the language of the page.

    Wire names are in camel case, and attributes in snake case.
    """
    beside: dict[str, str] = {}
    plain = {_plain(path): path for path in paths}
    for violation in violations:
        if path := plain.get(_plain(violation.field)):
            text = told(violation.text)
            beside[path] = f"{beside[path]}; {text}" if path in beside else text
    return beside


def _plain(name: str) -> str:
    return name.replace("_", "").lower()
