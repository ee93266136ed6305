"""What the figures are judged by, from results that were kept: nothing is measured here."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.benchmarks import report
from tests.benchmarks.__main__ import main
from tests.benchmarks.agreement import Disagreement, _check_equal
from tests.benchmarks.chart import draw
from tests.benchmarks.judgement import missed
from tests.benchmarks.results import Figure, Results, read
from tests.benchmarks.workloads import WORKLOADS


def figure(app: float, postgres: float = 100.0) -> Figure:
    return Figure(app, postgres, rate=1000.0, p50=1.0, p99=2.0)


def all_kept() -> Results:
    """Results in which every promise holds."""
    peers = {"floor": figure(100), "fastapi_orm": figure(3000, 500), "django_drf": figure(6000, 900)}
    figures = {
        workload.name: {"litehouse": figure(50)} if workload.like else {**peers, "litehouse": figure(120)}
        for workload in WORKLOADS
    }
    machine = {"cores": 2, "memory_gb": 8, "python": "3.11", "postgresql": "18"}
    return Results(machine, {"django": "5.2"}, "5 rounds of 4 s", figures, {"litehouse": 80.0})


def changed(results: Results, workload: str, **servers: Figure) -> Results:
    return replace(results, figures={**results.figures, workload: {**results.figures[workload], **servers}})


@pytest.fixture
def kept(tmp_path: Path):
    """Keep results, and say where."""

    def keep(results: Results, name: str = "now.json") -> str:
        path = tmp_path / name
        path.write_text(results.to_json())
        return str(path)

    return keep


def told(*arguments: str) -> str:
    """What the benchmark ends with; nothing when it succeeds."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return str(ended.value.code or "")


def test_results_are_read_as_they_were_kept(kept):
    assert read(Path(kept(all_kept()))) == all_kept()


def test_a_check_succeeds_where_every_promise_holds(kept):
    assert told("--stored", kept(all_kept()), "--check") == ""


@pytest.mark.parametrize(
    ("workload", "figures", "line"),
    [
        pytest.param(
            "article",
            {"litehouse": figure(210)},
            "missed: one article, beside the floor: 2.10 times its CPU, promised are 2",
            id="floor",
        ),
        pytest.param(
            "feed",
            {"django_drf": figure(1200)},
            "missed: feed of 50 followed authors, beside Django + DRF: 1/10.00 of its CPU, promised is 1/15",
            id="drf",
        ),
        pytest.param(
            "comment",
            {"fastapi_orm": figure(480)},
            "missed: post a comment, beside FastAPI + ORM: 1/4.00 of its CPU, promised is 1/5",
            id="fastapi",
        ),
        pytest.param(
            "list_cached",
            {"litehouse": figure(60, 0)},
            "missed: list of 20, cached, beside the floor: 0.60 times its CPU, promised are 0.5",
            id="cached, beside the uncached floor",
        ),
        pytest.param(
            "list",
            {"litehouse": figure(120, 1500)},
            "missed: list of 20 with the total, app and PostgreSQL, beside Django + DRF: "
            "1/4.26 of its CPU, promised is 1/6",
            id="app and PostgreSQL",
        ),
    ],
)
def test_a_check_names_what_is_missed_and_no_more(kept, workload: str, figures: dict[str, Figure], line: str):
    assert told("--stored", kept(changed(all_kept(), workload, **figures)), "--check") == line


def test_a_promise_that_nothing_was_measured_for_is_not_kept():
    results = all_kept()
    del results.figures["article_cached"]
    assert [line for line in missed(results) if "not measured" not in line] == []
    assert len(missed(results)) == 3


def test_what_was_not_asked_for_is_not_judged(kept):
    now = kept(changed(all_kept(), "article", litehouse=figure(900)))
    assert told("--stored", now, "--check", "--workload", "user") == ""


def test_a_comparison_names_what_got_slower_as_a_ratio(kept):
    before = kept(all_kept(), "before.json")
    slow_machine = {
        workload: {server: replace(one, app=3 * one.app, postgres=3 * one.postgres) for server, one in servers.items()}
        for workload, servers in all_kept().figures.items()
    }
    now = changed(replace(all_kept(), figures=slow_machine), "user", litehouse=figure(450, 300))
    now = changed(now, "list", litehouse=figure(370, 390))  # 3 % more in the app, 30 % in PostgreSQL
    assert told("--stored", kept(now), "--compare", before).splitlines() == [
        "slower: list of 20 with the total: PostgreSQL CPU 1.30 times the floor's, was 1.00",
        "slower: current user by token: app CPU 1.50 times the floor's, was 1.20",
    ]


def test_a_comparison_with_nothing_says_how_to_keep_results(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert told("--compare", str(tmp_path / "none.json")) == "2"
    assert "just bench --write keeps results" in capsys.readouterr().err


def test_the_readme_has_room_for_the_table_and_keeps_the_rest():
    text = report.README.read_text()
    filled = report.fill(text, all_kept())
    begin, end = text.index("<!-- figures -->"), text.index("<!-- /figures -->")
    assert filled.startswith(text[:begin])
    assert filled.endswith(text[end:])
    assert "| one article | 100 | **120** | 1.20 | 3,000 | 25 | 6,000 | 50 |" in filled
    assert "| one article, cached | 100 | **50** | 0.50 | 3,000 | 60 | 6,000 | 120 |" in filled
    assert report.fill(filled, all_kept()) == filled


def test_the_chart_has_a_bar_for_each(kept):
    drawn = draw(all_kept())
    assert drawn.count(">3,000<") == drawn.count(">6,000<") == 7


def test_servers_that_disagree_are_told_where():
    with pytest.raises(Disagreement, match=r"list: \.articles\[1\]\.slug is 'b' at floor, 'c' at django_drf"):
        _check_equal(
            "list",
            {
                "floor": {"articles": [{"slug": "a"}, {"slug": "b"}]},
                "django_drf": {"articles": [{"slug": "a"}, {"slug": "c"}]},
            },
        )
