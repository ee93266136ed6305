"""What an address asks for, before anything is read: what no column and no page can be is refused by its name."""

from collections.abc import Iterator

from starlette.requests import Request

from app.kit.errors import Invalid, Violation

PAGE = "page"
DIGITS = 9  # of a page's number


def require_sane(request: Request) -> None:
    """Raises Invalid, which names all that cannot be."""
    if faults := tuple(_faults(request)):
        raise Invalid.of(faults)


def _faults(request: Request) -> Iterator[Violation]:
    for name, value in (*request.query_params.multi_items(), *request.path_params.items()):
        if "\0" in str(value):
            yield from Invalid(name, "must not contain NUL characters").violations
    if len(request.query_params.get(PAGE, "")) > DIGITS:
        yield from Invalid(PAGE, f"must be a number of {DIGITS} digits at most").violations
