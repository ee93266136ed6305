"""What takes mail away: a terminal, a folder, a list; and how each says no."""

import asyncio
import os
from collections import deque
from pathlib import Path
from typing import Protocol

from app.platform.mail.message import Outgoing
from app.platform.observability.lines import STDOUT
from config.settings import Settings

MOST_KEPT = 1_000


class MailRefused(Exception):
    """The server says that it will never take this; `is_nobody`: because there is no such address."""

    def __init__(self, answer: str, *, is_nobody: bool = False) -> None:
        super().__init__(answer)
        self.is_nobody = is_nobody


class MailDelayed(Exception):
    """It cannot be handed over now, and may be later."""


class Backend(Protocol):
    """What takes mail away."""

    async def hand_over(self, outgoing: Outgoing) -> str:
        """Give one away; what is answered. Raises MailRefused, MailDelayed."""
        ...

    async def close(self) -> None:
        """Leave nothing open."""
        ...


class Console:
    """Prints mail on standard output, past the log and its censor: somebody wants to follow the link."""

    async def hand_over(self, outgoing: Outgoing) -> str:
        """Print its text as it would be sent."""
        headers = outgoing.message().items()
        head = "\n".join(f"{name}: {value}" for name, value in headers if not name.startswith(("MIME-", "Content-")))
        _print(f"----- mail\n{head}\n\n{outgoing.mail.text}-----\n")
        return "printed"

    async def close(self) -> None:
        """Nothing was opened."""


class Memory:
    """Keeps mail, the newest thousand."""

    def __init__(self) -> None:
        self.taken: deque[Outgoing] = deque(maxlen=MOST_KEPT)

    async def hand_over(self, outgoing: Outgoing) -> str:
        """Keep it."""
        self.taken.append(outgoing)
        return "kept in memory"

    async def close(self) -> None:
        """Nothing was opened."""


class Files:
    """Keeps mail in a folder that only its owner reads, the newest thousand, and prints where one reads each."""

    def __init__(self, folder: Path, page: str) -> None:
        """`page`: the address of the pages that show the folder."""
        self._folder = folder
        self._page = page

    async def hand_over(self, outgoing: Outgoing) -> str:
        """Keep it under its id: the same mail twice is one file."""
        path = await asyncio.to_thread(self._write, outgoing)
        mail = outgoing.mail
        _print(f"----- mail to {mail.to}: {mail.subject} - {self._page}/{outgoing.id}\n")
        return f"kept as {path}"

    def _write(self, outgoing: Outgoing) -> Path:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._folder / f"{outgoing.id}.eml"
        draft = path.with_suffix(".draft")
        with os.fdopen(os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as file:
            file.write(bytes(outgoing.message()))
        draft.rename(path)  # whole, or not at all: a page may be reading the folder
        for old in sorted(self._folder.glob("*.eml"))[:-MOST_KEPT]:  # ids begin with the time
            old.unlink(missing_ok=True)
        return path

    async def close(self) -> None:
        """Nothing was opened."""


def folder_of(settings: Settings) -> Path:
    """Where an installation keeps mail, by LITEHOUSE_MAIL=file."""
    return settings.database.data_folder / "mail"


def _print(text: str) -> None:
    STDOUT.write(text.encode())
    STDOUT.flush()
