"""The house's commands, in less time: hashes that cost nothing, for hundreds of sign-ups, and a short patience."""

from unittest.mock import patch

from app.platform import passwords, request
from app.platform.cli import main
from tests.cheap import PARAMETERS


def run() -> None:
    """Run the command that the process was started for."""
    with (
        patch.multiple(passwords, **PARAMETERS),
        patch.object(request, "BODY_SECONDS", 3.0),
    ):
        main()


if __name__ == "__main__":
    run()
