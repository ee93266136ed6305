"""The figures as a chart: bars of app CPU a request, a group for each workload, each group on a scale of its own."""

from html import escape

from tests.benchmarks.results import Results
from tests.benchmarks.workloads import Workload

SHOWN = ("article", "list", "feed", "comment", "user", "article_cached", "list_cached")
BARS = (
    ("floor", "floor: no framework", "#9aa5b1"),
    ("litehouse", "Litehouse", "#0b7285"),
    ("fastapi_orm", "FastAPI + SQLAlchemy ORM", "#e8a33d"),
    ("django_drf", "Django + DRF", "#a3485a"),
)
TITLE = "App CPU a request, µs: shorter is better (each group on a scale of its own)"
WIDTH, LEFT, RIGHT, BAR, GAP, TOP = 760, 210, 90, 13, 14, 62
STYLE = "text{font:12px system-ui,sans-serif;fill:#1f2933}.title{font-weight:600;font-size:15px}.small{font-size:11px}"


def draw(results: Results) -> str:
    """An SVG document. Within a group the longest bar is as long as there is room."""
    groups = [workload for workload in results.workloads() if workload.name in SHOWN]
    height = TOP + len(groups) * (len(BARS) * BAR + GAP) + GAP
    size = f'width="{WIDTH}" height="{height}"'
    parts = [part for place, workload in enumerate(groups) for part in _group(results, workload, place)]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {WIDTH} {height}">',
            f"<style>{STYLE}</style>",
            f'<rect {size} rx="8" fill="#fff"/>',
            f'<text class="title" x="16" y="24">{TITLE}</text>',
            *_legend(),
            *parts,
            "</svg>\n",
        ]
    )


def _legend() -> list[str]:
    parts, x = [], 16
    for _, title, colour in BARS:
        parts.append(f'<rect x="{x}" y="36" width="11" height="11" rx="2" fill="{colour}"/>')
        parts.append(f'<text class="small" x="{x + 16}" y="46">{escape(title)}</text>')
        x += 40 + 7 * len(title)
    return parts


def _group(results: Results, workload: Workload, place: int) -> list[str]:
    figures = {name: results.theirs(workload, name) for name, _, _ in BARS} | {"litehouse": results.ours(workload)}
    spent = {name: figure.app for name, figure in figures.items() if figure}
    scale = (WIDTH - LEFT - RIGHT) / max(spent.values())
    top = TOP + place * (len(BARS) * BAR + GAP)
    parts = [f'<text x="{LEFT - 12}" y="{top + 2 * BAR + 4}" text-anchor="end">{escape(workload.title)}</text>']
    for row, (name, _, colour) in enumerate(BARS):
        if name in spent:
            y, length = top + row * BAR, max(1.0, spent[name] * scale)
            parts.append(f'<rect x="{LEFT}" y="{y}" width="{length:.1f}" height="{BAR - 2}" rx="1" fill="{colour}"/>')
            parts.append(f'<text class="small" x="{LEFT + length + 6:.1f}" y="{y + 10}">{spent[name]:,.0f}</text>')
    return parts
