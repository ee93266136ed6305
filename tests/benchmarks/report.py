"""The figures as tables: in the terminal, under `results`, and in the README."""

# ruff: noqa: RUF001 - a multiplication sign, and a dash for what there is not

import re
from pathlib import Path

from tests.benchmarks.chart import draw
from tests.benchmarks.peers.contenders import CONTENDERS
from tests.benchmarks.results import FOLDER, LATEST, Figure, Results
from tests.benchmarks.workloads import Workload

README = Path(__file__).resolve().parents[2] / "README.md"
MARKED = re.compile(r"(<!-- figures -->\n).*?(<!-- /figures -->)", re.DOTALL)
COLUMNS = ("app", "postgres", "rate", "p50", "p99")
HEADINGS = ("app CPU, µs", "PostgreSQL CPU, µs", "requests/s", "p50, ms", "p99, ms")


def cpu_table(results: Results) -> str:
    """App CPU a request and its ratios, a line for each workload."""
    lines = [
        "| µs of app CPU a request | floor | Litehouse | × floor | FastAPI + ORM | ÷ | Django + DRF | ÷ |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    return "\n".join([*lines, *(_line(results, workload) for workload in results.workloads())])


def _line(results: Results, workload: Workload) -> str:
    ours = results.ours(workload)
    floor, fastapi, django = (results.theirs(workload, peer) for peer in ("floor", "fastapi_orm", "django_drf"))
    cells = [workload.title, _app(floor), f"**{_app(ours)}**", _ratio(ours, floor)]
    cells += [_app(fastapi), _ratio(fastapi, ours), _app(django), _ratio(django, ours)]
    return f"| {' | '.join(cells)} |"


def _app(figure: Figure | None) -> str:
    return f"{figure.app:,.0f}" if figure else "–"


def _ratio(one: Figure | None, other: Figure | None) -> str:
    if one is None or other is None:
        return "–"
    ratio = one.app / other.app
    return f"{ratio:.2f}" if ratio < 10 else f"{ratio:.0f}"


def full_table(results: Results) -> str:
    """Everything that was measured."""
    lines = [f"| | | {' | '.join(HEADINGS)} |", f"|---|---|{'--:|' * len(HEADINGS)}"]
    titles = {contender.name: contender.title for contender in CONTENDERS}
    for workload in results.workloads():
        for server, figure in results.figures[workload.name].items():
            numbers = (f"{getattr(figure, column):,.4g}" for column in COLUMNS)
            lines.append(f"| {workload.title} | {titles[server]} | {' | '.join(numbers)} |")
    memory = (f"{titles[server]} {megabytes:.0f}" for server, megabytes in results.memory.items())
    return "\n".join(
        [*lines, "", f"Memory, MB (PSS) of all processes of a server after the load: {', '.join(memory)}."]
    )


def circumstances(results: Results) -> str:
    """Where and how it was measured."""
    of, with_ = results.machine, ", ".join(f"{name} {version}" for name, version in results.versions.items())
    return (
        f"Measured ({results.mode}) on {of['cores']} cores and {of['memory_gb']} GB with Python {of['python']} and "
        f"PostgreSQL {of['postgresql']}; {with_}."
    )


def write(results: Results) -> None:
    """Keep the results, and put their table and chart into the README."""
    FOLDER.mkdir(exist_ok=True)
    LATEST.write_text(results.to_json())
    LATEST.with_suffix(".svg").write_text(draw(results))
    parts = ("# Figures", circumstances(results), cpu_table(results), full_table(results))
    LATEST.with_suffix(".md").write_text("\n\n".join(parts) + "\n")
    README.write_text(fill(README.read_text(), results))


def fill(text: str, results: Results) -> str:
    """The text with the table and the chart between its marks. Raises ValueError where there are none."""
    if not MARKED.search(text):
        raise ValueError("the README has no <!-- figures --> and <!-- /figures -->")
    chart = f"![App CPU a request]({LATEST.with_suffix('.svg').relative_to(README.parent)})"
    between = f"{cpu_table(results)}\n\n{chart}\n\n{circumstances(results)}\n"
    return MARKED.sub(lambda marks: f"{marks[1]}{between}{marks[2]}", text)
