"""What is counted, under labels that no client can choose, in one process and in several."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar import Litestar, get
from litestar.params import FromPath
from prometheus_client.parser import text_string_to_metric_families

from app.platform.observability.metrics import TRAFFIC, metrics_page
from app.platform.observability.multiprocess import forget_dead_workers, prepare_metrics_folder
from app.platform.observability.requests import Observed

ROOT = Path(__file__).resolve().parents[3]


@get("/whales/{name:str}")
async def read_whale(name: FromPath[str]) -> str:
    return name


@pytest.fixture
async def client(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[httpx.AsyncClient]:
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR", raising=False)
    app: Any = Litestar([read_whale], openapi_config=None, logging_config=None)
    app.asgi_handler = Observed(app.asgi_handler, fallback=b"{}", write=None)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://testserver") as client:
        yield client


def samples(page: bytes) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    families = text_string_to_metric_families(page.decode())
    return {(one.name, frozenset(one.labels.items())): one.value for family in families for one in family.samples}


def scraped(name: str, **labels: str) -> float:
    TRAFFIC.publish()
    return samples(metrics_page()[0]).get((name, frozenset(labels.items())), 0)


async def test_answers_are_counted_and_timed_by_route(client):
    labels = {"method": "GET", "route": "/whales/{name}"}
    counted, timed = (
        scraped("http_requests_total", status="200", **labels),
        scraped("http_request_seconds_count", **labels),
    )

    await client.get("/whales/moby")
    await client.get("/whales/dick")

    assert scraped("http_requests_total", status="200", **labels) == counted + 2
    assert scraped("http_request_seconds_count", **labels) == timed + 2
    assert scraped("http_request_seconds_bucket", le="+Inf", **labels) == timed + 2


async def test_head_and_refusals_are_counted_as_what_they_are(client):
    head = {"method": "HEAD", "route": "/whales/{name}", "status": "200"}
    lost = {"method": "GET", "route": "unmatched", "status": "404"}
    before = scraped("http_requests_total", **head), scraped("http_requests_total", **lost)

    await client.head("/whales/moby")
    await client.get("/nowhere")

    assert (scraped("http_requests_total", **head), scraped("http_requests_total", **lost)) == (
        before[0] + 1,
        before[1] + 1,
    )


@pytest.mark.parametrize(
    ("method", "path", "times"),
    [("GET", "/whales/{}", 10_000), ("GET", "/nowhere/{}", 1_000), ("BREW{}", "/whales/x", 500)],
    ids=["known route", "unknown route", "methods"],
)
async def test_thousands_of_anything_are_as_many_series_as_one(client, method, path, times):
    app: Any = client._transport.app
    scope = {"type": "http", "headers": [], "query_string": b"", "client": None}

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_: dict[str, Any]) -> None:
        return

    async def ask(n: int) -> None:
        where = path.format(n)
        await app(scope | {"method": method.format(n), "path": where, "raw_path": where.encode()}, receive, send)

    await ask(0)
    before, known = samples(metrics_page()[0]).keys(), len(TRAFFIC._tallies)
    for n in range(times):
        await ask(n)

    assert samples(metrics_page()[0]).keys() == before
    assert len(TRAFFIC._tallies) == known


async def test_requests_in_progress_are_seen_while_they_are():
    entered, leave = asyncio.Event(), asyncio.Event()

    async def inner(scope, receive, send):
        entered.set()
        await leave.wait()

    before = scraped("http_requests_in_progress")
    app: Any = Observed(inner, fallback=b"{}", write=None)
    async with asyncio.TaskGroup() as group:
        group.create_task(app({"type": "http", "method": "GET", "path": "/", "headers": []}, None, None))
        await entered.wait()
        during = scraped("http_requests_in_progress")
        leave.set()

    assert (during, scraped("http_requests_in_progress")) == (before + 1, before)


def test_page_is_what_prometheus_reads(monkeypatch):
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR", raising=False)
    page, content_type = metrics_page()

    assert content_type.startswith("text/plain; version=")
    assert b"# TYPE http_request_seconds histogram" in page
    assert b"_created" not in page


# Several workers

PARENT = """
import os, signal, sys, time
from pathlib import Path
from app.platform.observability.multiprocess import prepare_metrics_folder

folder = Path(sys.argv[1])
folder.mkdir()
(folder / "counter_1.db").write_bytes(b"an earlier run's")
prepare_metrics_folder(folder)

from app.platform.observability.metrics import BLOCKED, LAG, TRAFFIC, metrics_page

workers = []
for number in range(3):
    reading, writing = os.pipe()
    worker = os.fork()
    if worker == 0:
        for _ in range(number + 1):
            TRAFFIC.count("GET", "/whales/{name}", 200, 0.004)
        TRAFFIC.in_progress = 10
        TRAFFIC.publish()
        LAG.set(number)
        os.write(writing, b"x")
        time.sleep(60)
    os.read(reading, 1)
    workers.append(worker)

print(metrics_page()[0].decode())
print("# then")
os.kill(workers[2], signal.SIGKILL)
os.waitpid(workers[2], 0)
print(metrics_page()[0].decode())
for worker in workers[:2]:
    os.kill(worker, signal.SIGKILL)
    os.waitpid(worker, 0)
"""


def test_several_workers_are_one_page_and_the_dead_leave_their_sums(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", PARENT, tmp_path / "metrics"], cwd=ROOT, capture_output=True, text=True, check=True
    )

    alive, killed = (samples(page.encode()) for page in done.stdout.split("# then\n"))
    labels = frozenset({"method": "GET", "route": "/whales/{name}"}.items())
    for page in (alive, killed):
        assert page["http_requests_total", labels | {("status", "200")}] == 6
        assert page["http_request_seconds_bucket", labels | {("le", "0.005")}] == 6
        assert page["http_request_seconds_bucket", labels | {("le", "0.002")}] == 0
    nothing = frozenset()
    assert (alive["http_requests_in_progress", nothing], killed["http_requests_in_progress", nothing]) == (30, 20)
    assert (alive["event_loop_lag_seconds", nothing], killed["event_loop_lag_seconds", nothing]) == (2, 1)


def test_folder_prepared_too_late_is_refused(tmp_path):
    with pytest.raises(RuntimeError, match="imported before"):
        prepare_metrics_folder(tmp_path)


def test_gauges_of_living_and_of_foreign_processes_stay(tmp_path):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    for pid in (1, os.getpid(), ended.pid):
        for kind in ("gauge_livesum", "gauge_livemax", "counter"):
            (tmp_path / f"{kind}_{pid}.db").touch()

    forget_dead_workers(tmp_path)

    left = {path.name for path in tmp_path.iterdir()}
    assert {f"{kind}_{pid}.db" for kind in ("gauge_livesum", "gauge_livemax") for pid in (1, os.getpid())} < left
    assert left - {name for name in left if name.startswith("gauge")} == {
        f"counter_{pid}.db" for pid in (1, os.getpid(), ended.pid)
    }
    assert f"gauge_livesum_{ended.pid}.db" not in left
