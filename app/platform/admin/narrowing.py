"""What a list is narrowed by, as its address has it: what a filter cannot take is refused, and told beside it."""

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, cast

from adminsite._http.actions import run_action
from adminsite._http.listing import asks_for_filter_counts, list_records, wants_partial
from adminsite._http.requests import find_view
from adminsite._orm.repository import SQLAlchemyRepository
from adminsite._orm.values import to_column_value
from adminsite.filters.sql import BooleanFilter, ChoiceFilter, DateRangeFilter, NumberRangeFilter, RelationFilter
from adminsite.schema import FieldSchema
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from app.kit.errors import Invalid, Violation
from app.platform.admin.dates import DateHierarchy, Period
from app.platform.admin.filters import ReferenceFilter
from app.platform.admin.wording import told_of

if TYPE_CHECKING:
    from app.platform.admin.model_admin import ModelAdmin

WRONG = "litehouse_wrong_filters"  # in a request's state: what is wrong with the filters of the list that it asks for


async def list_page(site: Any, request: Request) -> Response:
    """A list; where a filter is not right nothing is listed, and the page says what would be right."""
    wrong = wrong_filters(cast("ModelAdmin[Any]", find_view(site, request)), request)
    setattr(request.state, WRONG, wrong)
    if wrong and wants_partial(request) and not asks_for_filter_counts(request):
        # The table alone has no place for it: htmx goes to the whole page, which has.
        headers = {"HX-Redirect": f"{request.url.path}?{request.url.query}"}
        return PlainTextResponse(told_of(Invalid.of(wrong)), 422, headers)
    return await list_records(site, request)


async def action(site: Any, request: Request) -> Response:
    """What is done to chosen rows, or to all that the list is narrowed to. Raises Invalid."""
    require_right_filters(find_view(site, request), request)
    return await run_action(site, request)


def require_right_filters(view: Any, request: Request) -> None:
    """Raises Invalid, with all filters that are not right."""
    if wrong := wrong_filters(view, request):
        raise Invalid.of(wrong)


def wrong_filters(view: "ModelAdmin[Any]", request: Request) -> list[Violation]:
    """What the filters that an address names cannot take, by their names in it."""
    wrong = []
    for item in view._pages.list_filters(request):
        values = [value.strip() for value in request.query_params.getlist(item.name) if value.strip()]
        for code, text in _faults(item, values if item.multiple else values[:1], view._repository):
            wrong.append(Violation(f"/{item.name}", code, text))
    return wrong


def _faults(item: Any, values: Sequence[str], repository: SQLAlchemyRepository[Any]) -> Iterator[tuple[str, str]]:
    if not values:
        return
    match item:
        case BooleanFilter() if values[0] not in {"true", "false"}:
            yield "unknown", "must be true or false"
        case ChoiceFilter():
            choices = [value for value, _label in item.choices]
            if choices and not set(values) <= set(choices):
                yield "unknown", f"must be one of {', '.join(choices)}"
        case DateHierarchy() if Period.parse(values[0]) is None:
            yield "no_period", "must be a year, a month or a day, as 2026, 2026-11 or 2026-11-05"
        case DateRangeFilter() if values[0] not in {name for name, _label, _days in item.PRESETS}:
            yield from _days(values[0])
        case NumberRangeFilter():
            yield from _numbers(values[0], repository._resolve_field(item.path, "filtering")[1])
        case RelationFilter() if not all(_is_key(item, value, repository) for value in values):
            yield "no_key", "must be keys of records, as lists and addresses have them"


def _days(text: str) -> Iterator[tuple[str, str]]:
    try:
        ends = [date.fromisoformat(end.strip()) if end.strip() else None for end in text.split(",")]
    except ValueError:
        ends = []
    if not 1 <= len(ends) <= 2:
        yield "no_days", "must be the first day and the last, as 2026-11-01,2026-11-30; one of them may be left out"
    elif _is_turned(ends):
        yield "turned", "must not end before it begins"


def _numbers(text: str, field: FieldSchema) -> Iterator[tuple[str, str]]:
    whole = field.integer_range
    try:
        ends = [Decimal(end.strip()) if end.strip() else None for end in text.split(",")]
    except InvalidOperation:
        ends = []
    given = [end for end in ends if end is not None]
    if not 1 <= len(ends) <= 2 or not all(end.is_finite() for end in given):
        yield "no_numbers", "must be the least number and the greatest, as 10,20; one of them may be left out"
    elif whole is not None and not all(end == end.to_integral_value() and int(end) in whole for end in given):
        yield "no_numbers", f"must be whole numbers from {whole[0]} to {whole[-1]}"
    elif _is_turned(ends):
        yield "turned", "must not end before it begins"


def _is_turned(ends: Sequence[Any]) -> bool:
    return None not in ends and list(ends) != sorted(ends)


def _is_key(item: RelationFilter, text: str, repository: SQLAlchemyRepository[Any]) -> bool:
    if isinstance(item, ReferenceFilter):
        field = repository.schema.field_named(item.column.key)
    else:
        field = repository._resolve_field(f"{item.path}.{item.key}", "filtering")[1]
    try:
        to_column_value(field, text)
    except ValueError:
        return False
    return True
