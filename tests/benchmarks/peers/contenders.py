"""Who is measured, and how each is started: one worker, a pool of ten connections, no access log but Litehouse's."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.benchmarks.processes import PYTHON, Server, serving

HERE = "tests.benchmarks.peers"


@dataclass(frozen=True)
class Contender:
    """A server: `title` for the reader, `command` with {port} in it."""

    name: str
    title: str
    command: Sequence[str]
    environ: Mapping[str, str] = field(default_factory=dict)


LITEHOUSE = [PYTHON, "-m", "app", "serve"]
PRODUCTION = {
    "LITEHOUSE_ENVIRONMENT": "production",
    "LITEHOUSE_WORKERS": "1",
    "LITEHOUSE_CORS_ORIGINS": "https://front.example",
    "LITEHOUSE_DOCS": "true",
}
UNCACHED = {"LITEHOUSE_CACHE_BYTES": "0"}

CONTENDERS = (
    Contender(
        "floor",
        "floor",
        [
            *(PYTHON, "-m", "granian", "--interface", "rsgi", "--port", "{port}", "--http", "1", "--loop", "uvloop"),
            *("--runtime-mode", "st", "--no-access-log", "--log-level", "error", f"{HERE}.floor:app"),
        ],
    ),
    Contender("litehouse", "Litehouse", LITEHOUSE, PRODUCTION | UNCACHED),
    Contender(
        "fastapi_orm",
        "FastAPI + SQLAlchemy ORM",
        [
            *(PYTHON, "-m", "uvicorn", "--port", "{port}", "--workers", "1", "--no-access-log"),
            *("--log-level", "warning", f"{HERE}.fastapi_orm.main:app"),
        ],
    ),
    Contender(
        "django_drf",
        "Django + DRF",
        [
            *(PYTHON, "-m", "gunicorn", "--bind", "127.0.0.1:{port}", "--workers", "1", "--worker-class", "gthread"),
            *("--threads", "4", "--log-level", "warning", f"{HERE}.django_drf.wsgi:application"),
        ],
    ),
)
CACHED = Contender("cached", "Litehouse", LITEHOUSE, PRODUCTION)


@contextmanager
def running(contenders: Sequence[Contender], url: str) -> Iterator[dict[str, Server]]:
    """All of them at once, by name, on the database at this address."""
    wanted = [(one.name, one.command, {**one.environ, "DATABASE_URL": url}) for one in contenders]
    with serving(*wanted) as servers:
        yield {server.name: server for server in servers}
