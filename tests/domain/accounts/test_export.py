"""An export has all that is held of one, in every module, and no secret."""

import re
from collections.abc import Callable

import httpx

from app.domain.accounts.models import User
from app.platform.database.pools import Database
from app.platform.migration_writing import metadata
from app.platform.module import installed
from config.modules import MODULES
from tests.conftest import Outbox
from tests.domain.accounts.doors import ME, bearer
from tests.domain.accounts.factories import UserFactory
from tests.domain.accounts.links import OLD, ask, me

SECRET = "what nobody is shown"


async def test_an_export_has_all_that_accounts_holds_and_no_secret(
    client: httpx.AsyncClient, outbox: Outbox, ann: User, token: str, database: Database
) -> None:
    await ask(client, "reset", OLD)
    await UserFactory.saved(database)
    await fill(database, ann)

    answer = await client.get(f"{ME}/export", headers=bearer(token))

    assert answer.headers["content-disposition"] == 'attachment; filename="account.json"'
    assert answer.headers["cache-control"] == "no-store"
    held = answer.json()
    assert held["account"] == await me(client, token)
    assert held["modules"].keys() == {module.name for module in installed(MODULES) if module.share}
    [kept], [link] = held["modules"]["accounts"]["tokens"], held["modules"]["accounts"]["links"]
    assert (kept["device"], link["purpose"], link["email"]) == ("a device", "reset", OLD)
    [passkey] = held["modules"]["accounts"].pop("passkeys")
    assert passkey.keys() == {"name", "transports", "createdAt", "lastUsedAt"}
    assert (passkey["name"], passkey["transports"]) == ("my telephone", ["hybrid"])
    assert {name: value for name, value in held["modules"]["accounts"].items() if name not in {"tokens", "links"}} == {
        "invitations": [],
        "totp": True,
        "recoveryCodesLeft": 2,
        "identities": [],
        "groups": ["Keepers"],
        "permissions": ["accounts.manage_users"],
    }
    secrets = (token, outbox.token(OLD), "argon2", "digest", SECRET, SECRET.encode().hex())
    assert not [secret for secret in secrets if secret in answer.text]


async def fill(database: Database, user: User) -> None:
    """Whatever there can be of a user besides tokens and links."""
    work = database.unit_of_work()
    key, secret = f"'{user.id}'::uuid", f"'{SECRET}'::bytea"

    async def insert() -> None:
        for sql in (
            f"INSERT INTO accounts_totp (user_id, secret, confirmed) VALUES ({key}, {secret}, true)",
            f"INSERT INTO accounts_recovery_code (user_id, digest) VALUES ({key}, {secret}), ({key}, 'x')",
            (
                "INSERT INTO accounts_passkey (user_id, credential_id, public_key, sign_count, name, transports)"
                f" VALUES ({key}, {secret}, {secret}, 7, 'my telephone', '{{hybrid}}')"
            ),
            "INSERT INTO accounts_group (name) VALUES ('Keepers'), ('Others')",
            (
                f"INSERT INTO accounts_membership (user_id, group_id) SELECT {key}, id FROM accounts_group"
                " WHERE name = 'Keepers'"
            ),
            f"INSERT INTO accounts_grant (user_id, permission) VALUES ({key}, 'accounts.manage_users')",
        ):
            await work.fetch(sql, ())

    await work.run(insert)


# Tables that refer to users and are in no export.
NOT_SHARED = {"accounts_challenge": "a question that waits for five minutes, of which a digest is kept"}


async def test_an_export_looks_into_each_table_that_refers_to_users(
    client: httpx.AsyncClient, token: str, statements: Callable
) -> None:
    with statements() as sent:
        assert (await client.get(f"{ME}/export", headers=bearer(token))).status_code == 200
    asked = set(re.findall(r"\b(?:FROM|JOIN) (\w+)", " ".join(sent)))
    referring = {
        table.name
        for table in metadata().sorted_tables
        for key in table.foreign_keys
        if key.column.table.name == "accounts_user"
    }
    assert referring - asked == NOT_SHARED.keys()


def test_what_a_module_shares_is_declared() -> None:
    """Where a table refers to users, its module says what of theirs it holds."""
    from app.platform.database.model import Base  # noqa: PLC0415

    referring = {
        table.name.split("_")[0]
        for table in Base.metadata.tables.values()
        for key in table.foreign_keys
        if key.column.table.name == "accounts_user"
    }
    assert referring <= {module.name for module in installed(MODULES) if module.share}
