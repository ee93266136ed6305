"""What a request costs, beside the floor and beside Django and FastAPI: the same answers from the same PostgreSQL.

    just bench --quick      three short rounds, in a minute and a half
    just bench              five rounds of four seconds for each workload and server: some twenty minutes
    just bench --write      the same, kept under tests/benchmarks/results and put into the README

All servers run at once, each with one worker, and are measured in turn, so that whatever else the machine does meets
them alike; each figure is the median over the rounds. App CPU is that of the server's process tree, divided by the
requests that it was sent. Compare figures within a run, as ratios. Load comes from wrk where it is installed (in quick
runs from a generator of our own) over 32 connections. The database is seeded at the first run, which takes longer.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.benchmarks import judgement, report
from tests.benchmarks.agreement import Disagreement, check
from tests.benchmarks.database import Measured, prepared
from tests.benchmarks.load import CONNECTIONS, Request, fixed, load
from tests.benchmarks.peers.contenders import CACHED, CONTENDERS, Contender, running
from tests.benchmarks.processes import Server
from tests.benchmarks.results import LATEST, Figure, Results, machine, median, read, versions
from tests.benchmarks.workloads import WORKLOADS, Workload, requests

Cell = tuple[Workload, str, Server]  # a workload, whose figure it is, and the server that is asked
WARM_UP = 2 * CONNECTIONS
ALLOWED = f"by more than {judgement.TOLERANCE * 100:.0f} %%, as a ratio to the floor"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and judge. SystemExit naming what is missed or slower, or what could not be measured."""
    options = _options(arguments)
    workloads = [workload for workload in WORKLOADS if workload.name in (options.workload or [workload.name])]
    results = options.stored or _measure(options, workloads)
    print(report.circumstances(results), report.cpu_table(results), report.full_table(results), sep="\n\n")
    if options.write:
        report.write(results)
    faults = [f"missed: {line}" for line in judgement.missed(results, workloads)] if options.check else []
    faults += [f"slower: {line}" for line in judgement.slower(results, options.compare)] if options.compare else []
    sys.exit("\n".join(faults) or 0)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("just bench", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    add = parser.add_argument
    kept = {"nargs": "?", "const": str(LATEST), "type": _kept, "metavar": "JSON"}
    add("--quick", action="store_true", help="three rounds of a quarter of a second")
    add("--rounds", type=int, help="how many (5; quick: 3)")
    add("--seconds", type=float, help="of each workload and server in a round (4; quick: 0.25)")
    add("--workload", action="append", choices=[workload.name for workload in WORKLOADS], help="only this; repeatable")
    add("--peer", action="append", choices=[one.name for one in CONTENDERS], help="only this server; repeatable")
    add("--check", action="store_true", help="fail, naming each promise that is missed")
    add("--compare", **kept, help=f"fail, naming what got slower than in these results (those kept): {ALLOWED}")
    add("--stored", **kept, help="measure nothing, judge these results (those kept)")
    add("--write", action="store_true", help="keep the results, and put their table into the README")
    options = parser.parse_args(arguments)
    if options.write and (options.workload or options.peer):
        parser.error("what is kept is whole: --write takes neither --workload nor --peer")
    options.rounds = options.rounds or (3 if options.quick else 5)
    options.seconds = options.seconds or (0.25 if options.quick else 4)
    return options


def _kept(path: str | Path) -> Results:
    try:
        return read(Path(path))
    except FileNotFoundError:
        message = f"{path} is not there: just bench --write keeps results"
        raise argparse.ArgumentTypeError(message) from None


def _measure(options: argparse.Namespace, workloads: Sequence[Workload]) -> Results:
    contenders = [contender for contender in CONTENDERS if contender.name in (options.peer or [contender.name])]
    with prepared() as database, running(_needed(contenders, workloads), database.url) as servers:
        every = requests(database.subject)
        sent = {workload.name: every[workload.name] for workload in workloads}
        try:
            check(servers, sent)
        except Disagreement as error:
            sys.exit(str(error))
        cells = list(_cells(workloads, contenders, servers))
        figures = _rounds(cells, sent, database, options.rounds, options.seconds)
        memory = {one.name: servers[one.name].tree.memory() / 2**20 for one in contenders}
    mode = f"{options.rounds} rounds of {options.seconds:g} s"
    return Results(machine(database.version), versions(), mode, figures, memory)


def _needed(contenders: Sequence[Contender], workloads: Sequence[Workload]) -> list[Contender]:
    """With Litehouse as it comes, cache and all, where that is asked for."""
    cached = any(workload.like for workload in workloads) and any(one.name == "litehouse" for one in contenders)
    return [*contenders, CACHED] if cached else list(contenders)


def _cells(
    workloads: Sequence[Workload], contenders: Sequence[Contender], servers: Mapping[str, Server]
) -> Iterator[Cell]:
    for workload in workloads:
        if workload.like is None:
            yield from ((workload, contender.name, servers[contender.name]) for contender in contenders)
        elif CACHED.name in servers:
            yield workload, "litehouse", servers[CACHED.name]


def _rounds(
    cells: Sequence[Cell], sent: Mapping[str, Sequence[Request]], database: Measured, rounds: int, seconds: float
) -> dict[str, dict[str, Figure]]:
    # Statements are prepared and caches warm before anything counts, and how long an answer takes tells the pace.
    paces = [CONNECTIONS / fixed(server.port, sent[work.name], WARM_UP).p50 * 1000 for work, _, server in cells]
    taken: list[list[Figure]] = [[] for _ in cells]
    for number in range(rounds):
        print(f"round {number + 1} of {rounds}", file=sys.stderr)
        for (workload, _, server), pace, kept in zip(cells, paces, taken, strict=True):
            kept.append(_figure(server, sent[workload.name], database, seconds, pace))
    figures: dict[str, dict[str, Figure]] = {workload.name: {} for workload, _, _ in cells}
    for (workload, name, _), kept in zip(cells, taken, strict=True):
        figures[workload.name][name] = median(kept)
    return figures


def _figure(server: Server, sent: Sequence[Request], database: Measured, seconds: float, pace: float) -> Figure:
    app, postgres = server.tree.cpu(), database.tree.cpu()
    done = load(server.port, sent, seconds, pace)
    spent = server.tree.settled_cpu() if done.unanswered else server.tree.cpu()
    count = done.requests + done.unanswered
    if done.errors:
        sys.exit(f"{sent[0].path} at {server.name}: {done.errors} of {done.requests} requests failed")
    ours, theirs = (spent - app) / count * 1e6, (database.tree.cpu() - postgres) / count * 1e6
    return Figure(ours, theirs, done.rate, done.p50, done.p99)


if __name__ == "__main__":
    main()
