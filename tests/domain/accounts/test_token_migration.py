"""What the migration to named tokens makes of older tokens, and what undoing it leaves of those made since."""

from app.platform.migrations import downgrade, upgrade
from tests.platform.migrations_copy import fetch

USER = "INSERT INTO accounts_user (username, email, password) VALUES ('ann', 'ann@example.com', '!')"
OLD = """
INSERT INTO accounts_token (user_id, digest, created_at, expires_at)
SELECT id, 'old', now() - interval '80 days', now() + interval '10 days' FROM accounts_user
"""
LIMITED = """
INSERT INTO accounts_token (user_id, digest, expires_at, scopes)
SELECT id, 'limited', now() + interval '10 days', '{signed_in}' FROM accounts_user
"""


def test_tokens_of_before_count_as_used_now_and_limited_ones_never_become_unlimited(fresh_database_url):
    downgrade(fresh_database_url, "accounts_0002")
    fetch(fresh_database_url, USER)
    fetch(fresh_database_url, OLD)

    upgrade(fresh_database_url, "accounts_0003")

    [(idle, *others)] = fetch(
        fresh_database_url, "SELECT now() - last_used_at, name, device, scopes FROM accounts_token"
    )
    assert idle.total_seconds() < 60
    assert others == [None, None, None]

    fetch(fresh_database_url, LIMITED)
    downgrade(fresh_database_url, "accounts_0002")

    assert [bytes(row[0]) for row in fetch(fresh_database_url, "SELECT digest FROM accounts_token")] == [b"old"]
