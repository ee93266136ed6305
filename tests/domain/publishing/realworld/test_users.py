"""The contract of /users, /users/login and /user."""

import asyncio

import pytest

from tests.domain.publishing.realworld.answers import refusal

PASSWORD = "correct horse battery staple"
ANN = {"username": "ann", "email": "ann@example.com", "password": PASSWORD}


@pytest.fixture
def register(client):
    async def register(**given):
        return await client.post("/api/users", json={"user": {**ANN, **given}})

    return register


@pytest.fixture
def sign_in_by_password(client):
    async def sign_in(**given):
        return await client.post("/api/users/login", json={"user": {**ANN, **given}})

    return sign_in


async def test_registering_answers_with_the_user_and_a_token_that_works(client, register) -> None:
    answer = await register()

    assert answer.status_code == 201
    assert answer.headers["location"] == "/api/user"
    user = answer.json()["user"]
    assert list(user) == ["username", "email", "token", "bio", "image"]
    assert user | {"token": ""} == {"username": "ann", "email": ANN["email"], "token": "", "bio": None, "image": None}
    assert (await client.get("/api/user", headers={"Authorization": f"Token {user['token']}"})).json() == answer.json()


@pytest.mark.parametrize("blank", ["", "   ", None], ids=["empty", "spaces", "absent"])
@pytest.mark.parametrize("field", ["username", "email", "password"])
async def test_a_blank_field_is_refused(client, field, blank) -> None:
    user = {name: text for name, text in {**ANN, field: blank}.items() if text is not None}

    answer = await client.post("/api/users", json={"user": user})

    assert refusal(answer) == (422, {field: ["can't be blank"]})


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"username": "ann", "email": "other@example.com"}, "username"),
        ({"username": "ANN", "email": "other@example.com"}, "username"),
        ({"username": "other", "email": "ann@example.com"}, "email"),
        ({"username": "other", "email": "Ann@Example.com"}, "email"),
    ],
    ids=["username", "username in capitals", "email", "email in capitals"],
)
async def test_what_is_taken_is_refused(register, sign_in, given, field) -> None:
    await sign_in("ann")

    assert refusal(await register(**given)) == (409, {field: ["has already been taken"]})


@pytest.mark.parametrize("password", ["1234567", "       ", "        "], ids=["seven", "seven spaces", "eight spaces"])
async def test_a_password_has_eight_characters_that_are_not_all_spaces(register, password) -> None:
    status, errors = refusal(await register(password=password))

    assert (status, list(errors)) == (422, ["password"])


async def test_twelve_at_once_under_one_name_make_one_user(register) -> None:
    answers = await _together(12, lambda n: register(email=f"ann{n}@example.com"))

    assert sorted(answer.status_code for answer in answers) == [201, *[409] * 11]


async def test_signing_in_answers_with_the_user(register, sign_in_by_password) -> None:
    await register()

    answer = await sign_in_by_password()

    assert answer.status_code == 200
    assert answer.json()["user"] | {"token": ""} == {
        "username": "ann",
        "email": ANN["email"],
        "token": "",
        "bio": None,
        "image": None,
    }


async def test_signing_in_with_what_is_wrong_is_refused_alike(register, sign_in_by_password) -> None:
    await register()

    for given in ({"password": "wrong password"}, {"email": "nobody@example.com"}):
        assert refusal(await sign_in_by_password(**given)) == (401, {"credentials": ["invalid"]})


@pytest.mark.parametrize("field", ["email", "password"])
async def test_signing_in_with_a_blank_is_refused(sign_in_by_password, field) -> None:
    assert refusal(await sign_in_by_password(**{field: ""})) == (422, {field: ["can't be blank"]})


async def test_the_current_user_has_the_token_that_was_presented(sign_in, read) -> None:
    ann = await sign_in("ann")

    user = {"username": "ann", "email": ann.email, "token": ann.token, "bio": None, "image": None}
    assert await read("/api/user", ann) == {"user": user}


@pytest.fixture
def change(client, sign_in):
    """Change a user of one's own by a body; the answer, and the user."""

    async def change(**changes):
        user = await sign_in("ann")
        return await client.put("/api/user", json={"user": changes}, auth=user), user

    return change


async def test_what_is_not_sent_stays(change, read) -> None:
    answer, ann = await change(bio="I sail.")

    user = {"username": "ann", "email": ann.email, "token": ann.token, "bio": "I sail.", "image": None}
    assert answer.json() == {"user": user}
    assert await read("/api/user", ann) == {"user": user}


@pytest.mark.parametrize("gone", ["", None], ids=["empty", "null"])
async def test_an_empty_or_null_bio_and_image_are_null(client, change, read, gone) -> None:
    _, ann = await change(bio="I sail.", image="https://example.com/a.png")

    await client.put("/api/user", json={"user": {"bio": gone, "image": gone}}, auth=ann)

    profile = (await read("/api/profiles/ann"))["profile"]
    assert (profile["bio"], profile["image"]) == (None, None)


@pytest.mark.parametrize("bad", ["", "  ", None], ids=["empty", "spaces", "null"])
@pytest.mark.parametrize("field", ["username", "email", "password"])
async def test_a_username_email_or_password_cannot_be_removed(change, field, bad) -> None:
    answer, _ = await change(**{field: bad})

    status, errors = refusal(answer)
    assert (status, list(errors)) == (422, [field])


@pytest.mark.parametrize("password", ["abcdefgh", "x" * 64], ids=["8 plain characters", "64 characters"])
async def test_a_new_password_needs_no_composition(change, sign_in_by_password, password) -> None:
    answer, ann = await change(password=password)

    assert answer.status_code == 200
    assert (await sign_in_by_password(email=ann.email, password=password)).status_code == 200


async def test_a_password_of_seven_characters_is_refused(change) -> None:
    answer, _ = await change(password="1234567")

    assert refusal(answer)[0] == 422


async def test_username_and_email_change_together_and_the_token_stays_good(change, read) -> None:
    answer, ann = await change(username="bea", email="bea@example.com", password="another password")

    user = {"username": "bea", "email": "bea@example.com", "token": ann.token, "bio": None, "image": None}
    assert answer.json() == {"user": user}
    assert await read("/api/user", ann) == {"user": user}


async def test_a_new_password_ends_all_other_tokens(client, sign_in_by_password, register) -> None:
    first = (await register()).json()["user"]["token"]
    second = (await sign_in_by_password()).json()["user"]["token"]

    body = {"user": {"password": "another password"}}
    await client.put("/api/user", json=body, headers={"Authorization": f"Token {first}"})

    answers = [await client.get("/api/user", headers={"Authorization": f"Token {token}"}) for token in (first, second)]
    assert [answer.status_code for answer in answers] == [200, 401]


@pytest.mark.parametrize("field", ["username", "email"])
async def test_a_name_that_is_taken_cannot_be_changed_to(change, sign_in, field) -> None:
    bea = await sign_in("bea")

    answer, _ = await change(**{field: getattr(bea, field).upper()})

    assert refusal(answer) == (409, {field: ["has already been taken"]})


async def _together(count, make):
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(make(number)) for number in range(count)]
    return [task.result() for task in tasks]
