"""Where the doors of webhooks are, and an address that nobody is told at."""

from tests.domain.webhooks.conftest import HOOKS

ENDPOINTS = f"{HOOKS}/endpoints"
NOWHERE = "https://example.com/hooks"
OUR_PAGE = {"Sec-Fetch-Site": "same-origin"}
ROUTES = [
    ("GET", "/endpoints/{endpoint}"),
    ("PATCH", "/endpoints/{endpoint}"),
    ("DELETE", "/endpoints/{endpoint}"),
    ("POST", "/endpoints/{endpoint}/secret"),
    ("POST", "/endpoints/{endpoint}/enable"),
    ("POST", "/endpoints/{endpoint}/disable"),
    ("POST", "/endpoints/{endpoint}/test"),
    ("POST", "/endpoints/{endpoint}/replays"),
    ("GET", "/endpoints/{endpoint}/deliveries"),
    ("GET", "/deliveries/{delivery}"),
    ("POST", "/deliveries/{delivery}/replay"),
]
