"""Another system that is told by webhook of all that happens in the crash test, and what must then have reached it."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

from tests.chaos.house import House
from tests.chaos.scenario import Scenario
from tests.e2e.running import PLAINLY

LATER = 10  # of the messages, each of this number is refused for now
RECEIVED = "CREATE TABLE chaos_hook (id text NOT NULL, body text NOT NULL)"
NOTE = "INSERT INTO chaos_hook SELECT * FROM unnest($1::text[], $2::text[])"
HEARD = "v.name LIKE 'ledger.%' OR v.name LIKE 'publishing.%'"  # while the receiver was known
CHECKS = {
    "each event reached the receiver, under one id and with one body": f"""
        SELECT v.position, v.name, count(h.id), count(DISTINCT h.body) FROM platform_event v
        LEFT JOIN chaos_hook h ON h.id = v.id::text
        WHERE {HEARD} GROUP BY v.position, v.name HAVING count(DISTINCT h.body) <> 1""",
    "no message is of what is not": """
        SELECT h.id, h.body FROM chaos_hook h LEFT JOIN platform_event v ON v.id::text = h.id WHERE v.id IS NULL""",
    "each event is one message": f"""
        SELECT v.position, v.name, count(d.id) FROM platform_event v LEFT JOIN webhooks_delivery d ON d.event_id = v.id
        WHERE {HEARD} GROUP BY v.position, v.name HAVING count(d.id) <> 1""",
}
LEFT = {
    "every message is delivered": """
        SELECT event, state, attempts, error FROM webhooks_delivery WHERE state <> 'delivered'""",
    "the endpoint is not disabled": "SELECT disabled_reason FROM webhooks_endpoint WHERE disabled_at IS NOT NULL",
}
HURRY = """
WITH rested AS (UPDATE webhooks_endpoint SET rests_until = NULL WHERE rests_until > now())
UPDATE webhooks_delivery SET due_at = now() WHERE state = 'pending' AND due_at > now()
"""


class Receiver:
    """Takes whatever it is told, some of it at the second try alone."""

    def __init__(self) -> None:
        self.settings: dict[str, object] = {}
        self._received: list[tuple[str, str]] = []
        received = self._received

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            asked = 0

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                Handler.asked += 1
                is_later = Handler.asked % LATER == 0
                if not is_later:
                    received.append((self.headers["webhook-id"], body))
                self.send_response(503 if is_later else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def begin(self, house: House) -> None:
        """Have it told of everything."""
        token = house.sign_up("webmaster")
        house.fetch("UPDATE accounts_user SET is_superuser = true WHERE username = 'webmaster'")
        body = {"url": f"http://127.0.0.1:{self._server.server_port}/hooks", "events": ["*"]}
        headers = {"Authorization": f"Token {token}"}
        origin = f"http://127.0.0.1:{house.port}"
        answer = httpx.post(f"{origin}/api/v1/webhooks/endpoints", json=body, headers=headers, **PLAINLY)
        assert answer.status_code == 201, answer.text

    def note(self, house: House) -> None:
        """Have in the database what was received."""
        house.fetch(RECEIVED)
        received = self._received[:]
        house.fetch(NOTE, [key for key, _ in received], [body for _, body in received])

    def close(self) -> None:
        """Take nothing more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


SCENARIO = Scenario(CHECKS, outside=Receiver, left=LEFT, hurry=HURRY)
