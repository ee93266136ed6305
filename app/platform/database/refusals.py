"""What PostgreSQL refuses, said as an error of the house: one pure function over the SQLSTATE."""

from collections.abc import Iterator
from operator import attrgetter

import asyncpg

from app.kit.errors import AppError, Busy, Conflict, Invalid

REPLAYABLE = frozenset(
    {
        "40001",  # serialization_failure
        "40P01",  # deadlock_detected
        "0A000",  # a column's type changed under a prepared statement: the plan is made anew
    }
)
# Values that do not fit their column or parameter. All else of class 22, a division by zero say, is a fault of ours.
UNSTORABLE = frozenset(
    {
        "22000",  # data_exception: what asyncpg says of a value that it cannot encode, such as a number too large
        "22001",  # string_data_right_truncation
        "22003",  # numeric_value_out_of_range
        "22007",  # invalid_datetime_format
        "22008",  # datetime_field_overflow
        "22021",  # character_not_in_repertoire: NUL in a text
        "22P02",  # invalid_text_representation
        "22P05",  # untranslatable_character: NUL in a JSON text
        "23502",  # not_null_violation
        "23514",  # check_violation
    }
)
UNAVAILABLE_CLASSES = frozenset({"08", "53", "57"})  # connection, resources, operator intervention
LOCK_NOT_AVAILABLE = "55P03"


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error and what it was raised from: SQLAlchemy and its asyncpg adapter wrap the driver's error twice."""
    while error is not None:
        yield error
        error = getattr(error, "orig", None) or error.__cause__


def sqlstate(error: BaseException) -> str | None:
    """The SQLSTATE of the driver's error behind this one, if there is one."""
    return next(
        (getattr(cause, "sqlstate", None) for cause in causes(error) if isinstance(cause, asyncpg.PostgresError)), None
    )


def is_replayable(error: BaseException) -> bool:
    """Whether the same unit of work, run again, may succeed."""
    state = sqlstate(error)
    return state in REPLAYABLE and (state != "0A000" or "cached" in str(error))


def is_connection_lost(error: BaseException) -> bool:
    """Whether the connection to the database, not the statement, is what failed.

    Only what asyncpg says counts: a TimeoutError or ConnectionError may come from anything else that a handler calls.
    """
    state = sqlstate(error) or ""
    return state[:2] == "08" or state in {"57P01", "57P02", "57P03"} or any(map(_tells_of_loss, causes(error)))


def _tells_of_loss(cause: BaseException) -> bool:
    """An InterfaceError of asyncpg's is also about misuse, such as two operations at once on one connection."""
    if isinstance(cause, asyncpg.InterfaceError):
        return "connection is closed" in str(cause)
    return isinstance(cause, asyncpg.InternalClientError)


def translate(error: BaseException) -> AppError | None:
    """The house's error for a database failure; None where the failure is a defect of ours (a 500).

    Of a group, which a handler's tasks failed in, the gravest tells of all; one defect among them makes it a defect.
    """
    if isinstance(error, AppError):
        return error
    if isinstance(error, BaseExceptionGroup):
        refusals = [refusal for one in error.exceptions if (refusal := translate(one))]
        if len(refusals) < len(error.exceptions):
            return None
        gravest = max(refusals, key=attrgetter("status"))
        return gravest.telling_of(refusals)
    cause = next((c for c in causes(error) if isinstance(c, (asyncpg.PostgresError, asyncpg.InterfaceError))), None)
    state = sqlstate(error) or ""
    if state == "23505":
        return Conflict(_field(cause), "has already been taken")
    if state == "23503":
        return Conflict(_field(cause), "refers to something that is not there, or is still referred to")
    if state in UNSTORABLE:
        return Invalid(_field(cause), "is not a value that can be stored")
    if state in REPLAYABLE or state == LOCK_NOT_AVAILABLE:
        return Busy("the data is being changed by others", retry_after=1)
    if state == "57014":
        return Busy("the database took too long", retry_after=5)
    if state[:2] in UNAVAILABLE_CLASSES or is_connection_lost(error):
        return Busy("the database cannot be reached", retry_after=2)
    return None


def _field(cause: BaseException | None) -> str:
    """The column behind a refusal: named by the driver, or by the constraint as `uq_<table>_<column>`."""
    column = getattr(cause, "column_name", None)
    if column:
        return column
    table, constraint = getattr(cause, "table_name", None), getattr(cause, "constraint_name", None)
    if not table or not constraint:
        return ""
    _, found, field = constraint.partition(f"_{table}_")
    return field if found else ""
