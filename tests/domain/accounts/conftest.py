"""A gate before the hashing of passwords, and the service without its doors."""

from collections.abc import Callable, Iterator

import pytest
from litestar import Litestar
from pwdlib import PasswordHash

from app.domain.accounts.services import AccountService
from app.platform.database.pools import Database
from app.platform.passwords import PasswordHasher
from config.settings import Settings
from tests.domain.accounts.gate import Gate


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    """Passwords are hashed, and verified, once the gate is open."""
    gate = Gate()

    def behind_gate(method: Callable[..., object]) -> Callable[..., object]:
        def wait(self: PasswordHash, *arguments: str, **named: object) -> object:
            gate.wait()
            return method(self, *arguments, **named)

        return wait

    monkeypatch.setattr(PasswordHash, "hash", behind_gate(PasswordHash.hash))
    monkeypatch.setattr(PasswordHash, "verify", behind_gate(PasswordHash.verify))
    yield gate
    gate.open()


@pytest.fixture
def hasher(app: Litestar, monkeypatch: pytest.MonkeyPatch) -> PasswordHasher:
    """The application's hasher: one thread, and one place to wait for it."""
    hasher = PasswordHasher(workers=1, queue=1)
    monkeypatch.setitem(vars(app.state.resources), "passwords", hasher)
    return hasher


@pytest.fixture
def accounts(database: Database, settings: Settings, hasher: PasswordHasher) -> Callable[[], AccountService]:
    """Make a service over a unit of work of its own."""
    return lambda: AccountService(database.unit_of_work(), database.reader(), hasher, settings.security)
