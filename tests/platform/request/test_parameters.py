"""Parameters of query, header and path are written one way, or told what would be right."""

import pytest


async def test_a_page_s_parameters_have_their_defaults(client):
    assert (await client.get("/window")).json() == [20, 0]
    assert (await client.get("/window?limit=100&offset=2147483647&other=x")).json() == [100, 2147483647]


@pytest.mark.parametrize(
    "text",
    [
        "", "x", "null", "true", "1.0", "1e2", "01", "+1", "%2B1", "1_0", "%201", "1%20", "0x1", "--1", "%D9%A1",
        "%C2%B2", "1%00", "1;limit=2",
    ],
)  # fmt: skip
async def test_a_limit_that_is_not_an_integer_is_422(client, text):
    answer = await client.get(f"/window?limit={text}")
    assert (answer.status_code, answer.json()["errors"]) == (422, {"limit": ["must be an integer"]})


@pytest.mark.parametrize("text", ["0", "-1", "-0", "101", "9" * 19, "9" * 5000])
async def test_a_limit_out_of_range_is_422(client, text):
    answer = await client.get(f"/window?limit={text}&offset=-1")
    assert answer.status_code == 422
    assert answer.json()["errors"] == {
        "limit": ["must be between 1 and 100"],
        "offset": ["must be between 0 and 2147483647"],
    }


async def test_every_kind_of_parameter_is_converted(client):
    answer = await client.get(
        "/search?q=null&tag=1&tag=2&page=3&ratio=0.5&isFull=true&order=2026&after=12345678-1234-5678-1234-567812345678"
    )
    assert answer.json() == ["null", [1, 2], 3, 0.5, True, "2026", "12345678-1234-5678-1234-567812345678"]
    assert (await client.get("/search?q=%C3%A9+%26&tag=7")).json() == ["é &", [7], None, 1.0, False, "newest", None]


@pytest.mark.parametrize(
    ("query", "errors"),
    [
        ("", {"q": ["can't be blank"]}),
        ("q=%00", {"q": ["must not contain NUL characters"]}),
        ("q=a&q=b", {"q": ["must be given only once"]}),
        ("q=a&page=1&page=x&ratio=x", {"page": ["must be given only once"], "ratio": ["must be a number"]}),
        ("q=a&page=null", {"page": ["must be an integer"]}),
        ("q=a&ratio=nan", {"ratio": ["must be a number"]}),
        ("q=a&ratio=1e999", {"ratio": ["must fit in 64 bits"]}),
        ("q=a&isFull=1", {"isFull": ["must be true or false"]}),
        ("q=a&order=oldest&tag=x&tag=1", {"tag": ["must be an integer"], "order": ["must be one of newest, 2026"]}),
        ("q=a&after=1", {"after": ["must be a UUID"]}),
        (
            "q=a&author=abcdef&count=0",
            {"author": ["is too long (maximum is 5 characters)"], "count": ["must be at least 1"]},
        ),
    ],
)
async def test_every_kind_of_wrong_parameter_is_told(client, query, errors):
    answer = await client.get(f"/search?{query}")
    assert (answer.status_code, answer.json()["errors"]) == (422, errors)


@pytest.mark.parametrize("query", ["q=%ff", "q=%ED%A0%80", "%ff=1&q=a"])
async def test_a_query_that_is_not_utf_8_is_malformed(client, query):
    answer = await client.get(f"/search?{query}")
    assert (answer.status_code, answer.json()["errors"]) == (400, {"query": ["is not UTF-8"]})


async def test_a_header_that_is_wrong_or_missing_is_422(client):
    assert (await client.get("/header", headers={"X-Number": "7"})).json() == 7
    wrong = await client.get("/header", headers={"X-Number": "x"})
    assert (wrong.status_code, wrong.json()["violations"][0]["pointer"]) == (422, "header:number")
    missing = await client.get("/header")
    assert (missing.status_code, missing.json()["code"]) == (422, "invalid")
    assert "X-Number" in missing.json()["detail"]


@pytest.mark.parametrize(
    "path",
    [
        "/things/1", "/things/{12345678-1234-5678-1234-567812345678}", "/things/12345678123456781234567812345678",
        "/names/a%00b", "/names/%00", "/names/%ff",
    ],
)  # fmt: skip
async def test_a_path_that_cannot_be_one_of_its_kind_is_404(client, path):
    answer = await client.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("number", ["+1", "1_0", "%201", "01", "1.0", "%D9%A1", str(2**63), "9" * 5000])
async def test_a_number_in_a_path_is_written_one_way(client, number):
    answer = await client.post(f"/notes/{number}", json={"title": "a"})
    assert (answer.status_code, answer.json()["errors"]) == (404, {"path": ["not found"]})


async def test_a_path_that_is_right_is_understood(client):
    assert (await client.post("/notes/7?copies=2", json={"title": "a"})).json()["number"] == 7
    upper = "/things/ABCDEF78-1234-5678-1234-567812345678"
    assert (await client.get(upper)).status_code == 200
    assert (await client.get("/names/%C3%A9%2B%31")).text == "é+1"
