"""Groups are made, listed and removed, and what is wrong with one is said."""

import asyncio
from collections.abc import Callable
from uuid import UUID, uuid4

import httpx
import pytest

from tests.conftest import SignedIn
from tests.domain.accounts.doors import BASE, USERS, faults
from tests.domain.accounts.holders import GROUPS, HOLDERS, PERMISSIONS, USERS_TOO

MISSING = UUID("01900000-0000-7000-8000-000000000000")


async def test_a_group_is_made_read_renamed_and_removed(client: httpx.AsyncClient, root: SignedIn) -> None:
    made = await client.post(GROUPS, json={"name": " Editors ", "permissions": [USERS_TOO, PERMISSIONS]}, auth=root)

    assert made.status_code == 201
    assert made.headers["location"] == f"{GROUPS}/{made.json()['id']}"
    assert (made.json()["name"], made.json()["permissions"]) == ("Editors", [PERMISSIONS, USERS_TOO])
    path = made.headers["location"]
    assert (await client.get(path, auth=root)).json() == made.json()
    renamed = await client.patch(path, json={"name": "EDITORS"}, auth=root)
    assert renamed.json() == made.json() | {"name": "EDITORS"}
    assert (await client.patch(path, json={}, auth=root)).json() == renamed.json()
    assert (await client.delete(path, auth=root)).status_code == 204
    assert (await client.get(GROUPS, auth=root)).json()["items"] == []


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"name": "  "}, [("/name", "blank")]),
        ({"name": "a\u202eb"}, [("/name", "invisible")]),
        (
            {"name": "x", "permissions": ["no.such", USERS_TOO, "signed_in"]},
            [("/permissions/0", "unknown"), ("/permissions/2", "unknown")],
        ),
        ({"name": "\u202e", "permissions": ["no.such"]}, [("/name", "invisible"), ("/permissions/0", "unknown")]),
    ],
    ids=["blank", "invisible", "unknown", "all at once"],
)
@pytest.mark.parametrize("method", ["POST", "PATCH"])
async def test_all_that_is_wrong_with_a_group_is_said(
    client: httpx.AsyncClient, root: SignedIn, group: Callable, method: str, body: dict, expected: list
) -> None:
    path = GROUPS if method == "POST" else await group()
    answer = await client.request(method, path, json=body, auth=root)
    assert answer.status_code == 422
    assert faults(answer) == expected


async def test_a_taken_name_is_a_conflict(client: httpx.AsyncClient, root: SignedIn, group: Callable) -> None:
    other = await group(name="Others")
    await group(name="Editors")
    for answer in (
        await client.post(GROUPS, json={"name": "EDITORS"}, auth=root),
        await client.patch(other, json={"name": "editors"}, auth=root),
    ):
        assert (answer.status_code, answer.json()["errors"]) == (409, {"name": ["has already been taken"]})


@pytest.mark.parametrize("count", [1, 30])
async def test_groups_and_their_members_are_listed_by_one_statement_in_slices_without_gaps(
    client: httpx.AsyncClient, root: SignedIn, group: Callable, sign_in: Callable, statements: Callable, count: int
) -> None:
    paths = [await group(USERS_TOO, name=f"Group {number}") for number in range(count)]
    users = [await sign_in() for _ in range(count)]
    for user in users:
        await client.put(f"{paths[0]}/members/{user.id}", auth=root)

    for path, ids in (
        (GROUPS, [one.rpartition("/")[2] for one in paths]),
        (f"{paths[0]}/members", [str(user.id) for user in users]),
        (HOLDERS, [str(root.id), *(str(user.id) for user in users)]),
        (USERS, [str(root.id), *(str(user.id) for user in users)]),
    ):
        seen, after = [], {}
        while after is not None:
            with statements(at_most=2):
                answer = (await client.get(path, params={"limit": 7, **after}, auth=root)).json()
            seen += [item["id"] for item in answer["items"]]
            after = answer["next"] and {"after": answer["next"]}
        assert seen == ids[::-1], path


@pytest.mark.parametrize("path", [HOLDERS, USERS])
async def test_a_user_is_found_by_name_in_any_case(
    client: httpx.AsyncClient, root: SignedIn, sign_in: Callable, path: str
) -> None:
    ann = await sign_in("Ann")
    for name, found in (("ANN", [str(ann.id)]), ("nobody", [])):
        answer = await client.get(path, params={"username": name}, auth=root)
        assert [item["id"] for item in answer.json()["items"]] == found


@pytest.mark.parametrize(
    ("method", "path", "what"),
    [
        ("GET", f"{GROUPS}/{{missing}}", "group"),
        ("PATCH", f"{GROUPS}/{{missing}}", "group"),
        ("DELETE", f"{GROUPS}/{{missing}}", "group"),
        ("GET", f"{GROUPS}/{{missing}}/members", "group"),
        ("PUT", f"{GROUPS}/{{missing}}/members/{{user}}", "group"),
        ("PUT", "{group}/members/{missing}", "user"),
        ("DELETE", "{group}/members/{missing}", "user"),
        ("GET", f"{HOLDERS}/{{missing}}", "user"),
        ("PUT", f"{HOLDERS}/{{missing}}/permissions/{USERS_TOO}", "user"),
        ("DELETE", f"{HOLDERS}/{{missing}}/permissions/{USERS_TOO}", "user"),
        ("PUT", f"{HOLDERS}/{{user}}/permissions/no.such", "permission"),
        ("PUT", f"{HOLDERS}/{{user}}/permissions/signed_in", "permission"),
        ("GET", f"{USERS}/{{missing}}", "user"),
        ("PATCH", f"{USERS}/{{missing}}", "user"),
    ],
)
async def test_what_is_not_there_is_not_found(
    client: httpx.AsyncClient, root: SignedIn, sign_in: Callable, group: Callable, method: str, path: str, what: str
) -> None:
    user = await sign_in()
    filled = path.format(missing=MISSING, user=user.id, group=await group())
    answer = await client.request(method, filled, json={} if method == "PATCH" else None, auth=root)
    assert (answer.status_code, answer.json()["errors"]) == (404, {what: ["not found"]})


@pytest.mark.parametrize(
    ("method", "path", "body", "at_most"),
    [
        ("POST", GROUPS, {"name": "New", "permissions": [USERS_TOO]}, 7),
        ("PATCH", "{group}", {"name": "New", "permissions": [PERMISSIONS]}, 10),
        ("DELETE", "{group}", None, 7),
        ("PUT", "{group}/members/{user}", None, 8),
        ("DELETE", "{group}/members/{user}", None, 8),
        ("PUT", f"{HOLDERS}/{{user}}/permissions/{USERS_TOO}", None, 6),
        ("DELETE", f"{HOLDERS}/{{user}}/permissions/{PERMISSIONS}", None, 6),
        ("GET", f"{HOLDERS}/{{user}}", None, 3),
        ("GET", f"{BASE}/permissions", None, 1),
        ("GET", f"{USERS}/{{user}}", None, 2),
        ("PATCH", f"{USERS}/{{user}}", {"isActive": False, "isStaff": True}, 9),
    ],
    ids=str,
)
async def test_each_costs_a_few_statements(
    client: httpx.AsyncClient,
    root: SignedIn,
    granted: Callable,
    group: Callable,
    statements: Callable,
    method: str,
    path: str,
    body: dict | None,
    at_most: int,
) -> None:
    user, keepers = await granted(PERMISSIONS), await group(USERS_TOO)
    await client.put(f"{keepers}/members/{user.id}", auth=root)
    with statements(at_most=at_most):
        answer = await client.request(method, path.format(user=user.id, group=keepers), json=body, auth=root)
    assert answer.is_success, answer.text


async def test_of_two_who_put_the_same_user_into_the_same_group_both_succeed(
    client: httpx.AsyncClient, root: SignedIn, group: Callable, sign_in: Callable
) -> None:
    ann, keepers = await sign_in(), await group(USERS_TOO)
    async with asyncio.TaskGroup() as tasks:
        path = f"{keepers}/members/{ann.id}"
        both = [tasks.create_task(client.put(path, auth=root)) for _ in range(4)]
    assert {task.result().status_code for task in both} == {204}
    assert len((await client.get(f"{keepers}/members", auth=root)).json()["items"]) == 1
    assert (await client.put(f"{keepers}/members/{uuid4()}", auth=root)).status_code == 404
