"""The house's commands, in less time: hashes that cost nothing, for hundreds of sign-ups, and a short patience."""

from unittest.mock import patch

from app.platform import passwords, request
from app.platform.cli import main

NOBODYS = passwords.NOBODYS.replace("m=65536,t=3", "m=8,t=1")

if __name__ == "__main__":
    with (
        patch.multiple(passwords, PASSES=1, MEMORY=8, NOBODYS=NOBODYS),
        patch.object(request, "BODY_SECONDS", 3.0),
    ):
        main()
