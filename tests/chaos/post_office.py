"""The SMTP server to which the house under test hands its mail, and what must hold of that."""

from email import message_from_bytes
from logging import getLogger
from typing import Any

from aiosmtpd.controller import Controller

from tests.chaos.house import House
from tests.chaos.scenario import Scenario
from tests.e2e.running import free_port

LATER = 10  # of the mails, each of this number is refused for now
RECEIVED = "CREATE TABLE chaos_mail (recipient text NOT NULL, message_id text NOT NULL)"
NOTE = "INSERT INTO chaos_mail SELECT * FROM unnest($1::text[], $2::text[])"
CHECKS = {
    "each entry's mail was handed over, and always under one Message-ID": """
        SELECT e.name, count(m.message_id), count(DISTINCT m.message_id) FROM ledger_entry e
        LEFT JOIN chaos_mail m ON m.recipient = e.id || '@example.com'
        GROUP BY e.id, e.name HAVING count(DISTINCT m.message_id) <> 1""",
    "no mail is of what is not": """
        SELECT m.recipient FROM chaos_mail m LEFT JOIN ledger_entry e ON m.recipient = e.id || '@example.com'
        WHERE m.recipient LIKE '%-%-%-%-%@example.com' AND e.id IS NULL""",
    "no mail waits, and none was given up": """
        SELECT id, recipient, error FROM platform_mail WHERE handed_over_at IS NULL AND recipient IS NOT NULL""",
}


class PostOffice:
    """Takes whatever it is given, some of it at the second try alone."""

    def __init__(self) -> None:
        getLogger("mail.log").setLevel("ERROR")  # aiosmtpd's
        port = free_port()
        self.settings = {"mail": "smtp", "mail_from": "ledger@example.com", "smtp_host": "127.0.0.1", "smtp_port": port}
        self._received: list[tuple[str, str]] = []
        self._asked = 0
        self._controller = Controller(self, hostname="127.0.0.1", port=port, server_hostname="localhost")
        self._controller.start()

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's
        """What the server answers."""
        self._asked += 1
        if self._asked % LATER == 0:
            return "451 4.3.0 not now"
        self._received.append((envelope.rcpt_tos[0], message_from_bytes(envelope.original_content)["Message-ID"]))
        return "250 2.0.0 thank you"

    def begin(self, house: House) -> None:
        """Nothing: the settings have told where it is."""

    def note(self, house: House) -> None:
        """Have in the database what was received."""
        house.fetch(RECEIVED)
        received = self._received[:]
        house.fetch(NOTE, [recipient for recipient, _ in received], [message for _, message in received])

    def close(self) -> None:
        """No more mail."""
        self._controller.stop()


SCENARIO = Scenario(CHECKS, outside=PostOffice)
