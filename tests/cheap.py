"""Passwords that cost nothing: for hundreds of sign-ins by tests that are about something else."""

from typing import Any

from app.platform import passwords

# As little as argon2 allows. In place of those of app/platform/passwords.py before a hasher is made.
PARAMETERS: dict[str, Any] = {
    "PASSES": 1,
    "MEMORY": 8,
    "NOBODYS": passwords.NOBODYS.replace("m=65536,t=3", "m=8,t=1"),
}
