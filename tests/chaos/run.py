"""A run of the crash test, from the first process to the report."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from importlib import import_module
from time import monotonic

from config.modules import MODULES
from tests.chaos import checks, entries, moments, post_office
from tests.chaos.clients import Attempted, Crowd
from tests.chaos.house import House, Violation, house
from tests.chaos.installation import Patch
from tests.chaos.monkey import Monkey
from tests.chaos.scenario import Outside, Scenario
from tests.e2e.running import ROOT

CLIENTS = 6
CALM = 40.0  # seconds in which every client is acknowledged once nothing is killed any more
DRAINED = 90.0  # seconds in which all that was left to workers is done; only a failure takes so long
SHOWN = 10  # rows of each promise that was broken


@dataclass
class Report:
    """What was done, and what was broken by it."""

    seed: int
    attempted: list[Attempted] = field(default_factory=list)
    pulled: Counter[str] = field(default_factory=Counter)
    violations: list[Violation] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    begun: float = field(default_factory=monotonic)

    @property
    def acknowledged(self) -> int:
        """How many writes."""
        return sum(one.is_acknowledged for one in self.attempted)

    def lap(self, name: str) -> None:
        """So far that part went."""
        self.seconds[name] = monotonic() - self.begun - sum(self.seconds.values())

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        repeated = [one for one in self.attempted if one.tries > 1]
        yield f"seed {self.seed}: {self.acknowledged} writes acknowledged, {len(repeated)} of them after repetitions"
        kinds = Counter(one.write.kind for one in self.attempted)
        yield f"  written: {', '.join(f'{kind} {count}' for kind, count in kinds.items())}"
        yield f"  tries: {sum(one.tries for one in self.attempted)}"
        yield from (f"  {count:3} x {kind}" for kind, count in sorted(self.pulled.items()))
        yield f"  seconds: {', '.join(f'{name} {seconds:.1f}' for name, seconds in self.seconds.items())}"
        promises = Counter(one.promise for one in self.violations)
        for promise, count in promises.items():
            yield f"BROKEN, {count} times: {promise}"
            yield from [f"    {one.row}" for one in self.violations if one.promise == promise][:SHOWN]
        yield "nothing was lost, and nothing happened twice" if not promises else f"{len(promises)} promises broken"


def run(seed: int, seconds: float, faults: Sequence[Patch] = (), drained: float = DRAINED) -> Report:
    """Provoke each exact moment, let the monkey play for so long, then check.

    `faults` are put into the house; `drained`: seconds that its work may take afterwards.
    """
    report, stories = Report(seed), scenarios()
    with ExitStack() as stack:
        outside = [stack.enter_context(closing(story.outside())) for story in stories if story.outside]
        settings = {name: value for one in outside for name, value in one.settings.items()}
        made = stack.enter_context(house(faults, settings))
        try:
            tokens = _begin(made, stories, outside)
            report.lap("starting")
            _play(made, report, tokens, seconds)
            checks.drain(made, stories, drained)
            report.lap("draining")
            for one in outside:
                one.note(made)
            checks.check(made, stories, report.attempted)
            made.end()
            report.lap("checking")
        except AssertionError as error:
            made.broken("what has to come is there in time", error)
    report.violations = made.violations
    return report


def scenarios() -> Sequence[Scenario]:
    """The ledger's, that of mail, and those of the modules."""
    own = [name for name in MODULES if (ROOT / "tests" / "domain" / name / "chaos.py").exists()]
    return [
        entries.SCENARIO,
        post_office.SCENARIO,
        *(import_module(f"tests.domain.{one}.chaos").SCENARIO for one in own),
    ]


def _begin(made: House, stories: Sequence[Scenario], outside: Sequence[Outside]) -> list[str]:
    """The tokens of those who will write."""
    tokens = [made.sign_up(f"client-{number}") for number in range(CLIENTS)]
    for story in stories:
        if story.prepare:
            made.fetch(story.prepare)
    for one in outside:
        one.begin(made)
    return tokens


def _play(made: House, report: Report, tokens: list[str], seconds: float) -> None:
    report.attempted += moments.provoke(made, tokens[0])
    made.make_whole()
    report.lap("moments")
    if not seconds:
        return
    monkey = Monkey(made, report.seed)
    report.pulled = monkey.pulled
    offers = [story.write for story in scenarios() if story.write]
    with Crowd(made.port, tokens, offers, report.seed) as crowd:
        monkey.play(seconds, crowd.acknowledged)
        made.make_whole()
        crowd.finish(CALM)
    report.attempted += crowd.attempted
    report.lap("playing")
