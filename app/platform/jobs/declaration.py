"""By which a module says what can be left to a worker: a function, and how it is to be treated."""

from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from hashlib import blake2b
from inspect import Parameter, signature
from typing import Any, Concatenate, Generic, ParamSpec, get_type_hints

import msgspec
from cronsim import CronSim, CronSimError

from app.kit.event import module_named

P = ParamSpec("P")

Handler = Callable[Concatenate[Any, P], Awaitable[str | None]]
"""It gets a unit of work (a `JobWork`) and the arguments; what it returns is a short reference to what it made."""

QUEUES = ("critical", "high", "default", "low", "bulk")
MOST_TRIES = 1_000
LONGEST_PAUSE = 21_600.0  # seconds


class Treatment(msgspec.Struct, frozen=True, kw_only=True):
    """How a job is done: seconds for one attempt, and between two at most; which of its arguments are unique; cron."""

    queue: str
    tries: int
    timeout: float
    longest_pause: float
    unique: tuple[str, ...] | None
    schedule: str | None


class Row(msgspec.Struct, frozen=True):
    """What a job is about, written by the statement that enqueues it: an INSERT with parameters from $10 on."""

    sql: str
    values: tuple[Any, ...]


class Call(msgspec.Struct, frozen=True):
    """A job with its arguments as JSON: what can be enqueued."""

    job: "Job[...]"
    arguments: str
    unique_key: str | None
    row: Row | None = None

    def beside(self, sql: str, values: tuple[Any, ...]) -> "Call":
        """The same, with a row that is written by one statement with it. Raises TypeError for a job that is unique."""
        if self.unique_key is not None:
            message = f"{self.job.name} is unique: where another stands for it, its row would be nobody's"
            raise TypeError(message)
        return msgspec.structs.replace(self, row=Row(sql, values))


class Group(msgspec.Struct, frozen=True):
    """Jobs that are enqueued together, and another that is done once all of them are: by whoever finishes the last."""

    calls: tuple[Call, ...]
    then: Call


class Job(Generic[P]):
    """A handler, the name under which it is stored, and how it is treated; called with arguments it makes a Call."""

    def __init__(self, handler: Handler[P], treatment: Treatment) -> None:
        """Raises ValueError for a treatment that cannot be."""
        self.name = f"{module_named(handler.__module__)}.{getattr(handler, '__name__', '')}"
        self.handler = handler
        self.arguments = _arguments_of(handler)
        self._decode = msgspec.json.Decoder(self.arguments).decode
        self._check(treatment)
        self.queue = QUEUES.index(treatment.queue)
        self.treatment = treatment

    def _check(self, treatment: Treatment) -> None:
        strangers = set(treatment.unique or ()) - set(self.arguments.__struct_fields__)
        for fault, is_found in (
            (f"queue must be one of {', '.join(QUEUES)}", treatment.queue not in QUEUES),
            (f"tries must be 1 to {MOST_TRIES}", not 1 <= treatment.tries <= MOST_TRIES),
            ("timeout must be some seconds", treatment.timeout <= 0),
            ("longest_pause must be some seconds", treatment.longest_pause <= 0),
            (f"unique names what is no argument: {', '.join(sorted(strangers))}", bool(strangers)),
            ("schedule must be five fields of cron, in UTC", not _is_cron(treatment.schedule)),
            ("on a schedule it has no arguments that must be given", treatment.schedule and self._is_asking()),
        ):
            if is_found:
                message = f"{self.name}: {fault}"
                raise ValueError(message)

    def _is_asking(self) -> bool:
        fields = msgspec.structs.fields(self.arguments)
        return any(field.required for field in fields)

    def __call__(self, *_: P.args, **given: P.kwargs) -> Call:
        """The job with these arguments. Raises TypeError where they are not of the types that the handler states."""
        try:
            arguments = msgspec.json.encode(self.arguments(**given))
            made = self._decode(arguments)
        except (TypeError, msgspec.MsgspecError) as error:
            message = f"{self.name}: {error}"
            raise TypeError(message) from error
        return Call(self, arguments.decode(), self._unique_key(made))

    def _unique_key(self, made: msgspec.Struct) -> str | None:
        if self.treatment.unique is None:
            return None
        key = msgspec.json.encode([getattr(made, name) for name in self.treatment.unique])
        return blake2b(key, digest_size=16).hexdigest()

    def bound(self, arguments: str) -> dict[str, Any]:
        """The handler's keyword arguments. Raises ValidationError where they were stored for another signature."""
        return msgspec.structs.asdict(self._decode(arguments))


def job(
    *,
    queue: str = "default",
    tries: int = 5,
    timeout: float = 30.0,
    longest_pause: float = LONGEST_PAUSE,
    unique: tuple[str, ...] | None = None,
    schedule: str | None = None,
) -> Callable[[Handler[P]], Job[P]]:
    """Mark a module's function as a job.

    Its database effect and that it is done commit together, so that the effect happens once; what it does elsewhere may
    happen again after a crash. It is tried so many times, with growing pauses of `longest_pause` seconds at most, then
    it is dead. `timeout`: seconds for an attempt. `unique`: names of arguments; while a job with the same waits,
    it stands for the next one, too; while it runs, the next one waits until it has ended, for it may have read already
    what that is about. `schedule`: cron's five fields, in UTC; a moment that was missed is made up for once.

    What takes long elsewhere is done before the first statement: PostgreSQL ends a transaction that idles for a minute.
    """

    def mark(handler: Handler[P]) -> Job[P]:
        treatment = Treatment(
            queue=queue, tries=tries, timeout=timeout, longest_pause=longest_pause, unique=unique, schedule=schedule
        )
        return Job(handler, treatment)

    return mark


def group(calls: Iterable[Call], *, then: Call) -> Group:
    """Have `then` done after all of the calls. One that is given up holds it, until it is done or cancelled.

    Raises TypeError for jobs that are unique: another, which knows nothing of the group, could stand for them; and for
    those with a row beside them.
    """
    made = Group(tuple(calls), then)
    if unique := sorted({call.job.name for call in (*made.calls, then) if call.unique_key is not None}):
        message = f"unique jobs cannot be in a group: {', '.join(unique)}"
        raise TypeError(message)
    if any(call.row for call in (*made.calls, then)):
        raise TypeError("jobs with a row beside them cannot be in a group, which is enqueued by two statements")
    return made


def by_name(jobs: Iterable[Job]) -> dict[str, Job]:
    """The jobs by their names. Raises ValueError for two of one name."""
    known: dict[str, Job] = {}
    for one in jobs:
        if known.setdefault(one.name, one) is not one:
            message = f"two jobs are called {one.name}"
            raise ValueError(message)
    return known


def _is_cron(schedule: str | None) -> bool:
    try:
        return schedule is None or (len(schedule.split()) == 5 and CronSim(schedule, datetime.now(UTC)) is not None)
    except CronSimError:
        return False


def _arguments_of(handler: Callable[..., Any]) -> type[msgspec.Struct]:
    """A struct of the arguments behind the first, which is the unit of work."""
    hints = get_type_hints(handler)
    fields: list[Any] = []
    for parameter in list(signature(handler).parameters.values())[1:]:
        default = () if parameter.default is Parameter.empty else (parameter.default,)
        fields.append((parameter.name, hints[parameter.name], *default))
    name = getattr(handler, "__name__", "job")
    return msgspec.defstruct(name, fields, kw_only=True, frozen=True, forbid_unknown_fields=True)
