"""The pages of caught mail: all of a mail, nothing of it alive, and only for whoever sits at this machine."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from litestar import Litestar

from app.kit.uuid7 import uuid7
from app.main import create_app
from app.platform.mail.backends import Files
from app.platform.mail.message import Attachment, Mail, Outgoing, message_id
from config.settings import Settings, load

SENDER = "Litehouse <litehouse@localhost>"
LINK = "http://localhost:8000/account/reset?token=lh_link_x&more=1"
EVIL = "<script>alert(1)</script>"
MAIL = Mail(
    "ann@example.com",
    f"Of {EVIL}",
    f"Follow:\n{LINK}\n{EVIL}\n",
    f'<p>Follow {EVIL}</p><img src="cid:logo" alt="">\n',
    (Attachment('r\u00e9sum\u00e9".html', "text/html", EVIL.encode()), Attachment("logo", "image/png", b"PNG", "logo")),
)


def development(folder: Path, **settings: str) -> Settings:
    environ = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing", "LITEHOUSE_ENVIRONMENT": "development"}
    return load(env_file=None, environ=environ | {"LITEHOUSE_DATA_FOLDER": str(folder)} | settings)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def developing(folder: Path) -> Litestar:
    """Not started: no page of these asks the database."""
    return create_app(development(folder))


@pytest.fixture
async def visitor(developing: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(developing)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8000") as visitor:
        yield visitor


async def test_a_mail_is_shown_with_all_that_it_brings_and_none_of_it_acts(visitor: httpx.AsyncClient, folder: Path):
    assert "There is none yet" in (await visitor.get("/mail")).text
    first, key = sorted([uuid7(), uuid7()])
    for one, mail in ((first, Mail("bea@example.com", "Older", "x\n", "x\n")), (key, MAIL)):
        outgoing = Outgoing(one, message_id(one, SENDER), SENDER, mail, datetime.now(UTC))
        await Files(folder / "mail", "").hand_over(outgoing)

    listed = await visitor.get("/mail")
    assert (
        set(listed.text.split()) >= {"ann@example.com</td>", "bea@example.com</td>"} or "ann@example.com" in listed.text
    )
    assert f'href="/mail/{key}"' in listed.text
    assert EVIL not in listed.text

    shown = await visitor.get(f"/mail/{key}")
    assert '<a href="http://localhost:8000/account/reset?token=lh_link_x&amp;more=1"' in shown.text
    assert f"<dt>Message-ID</dt><dd>&lt;{key}@localhost&gt;</dd>" in shown.text
    assert f'<iframe src="/mail/{key}/html" sandbox ' in shown.text
    assert EVIL not in shown.text
    policy = shown.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "script-src" not in policy
    assert "frame-src 'self'" in policy

    html = await visitor.get(f"/mail/{key}/html")
    assert html.text == f'<p>Follow {EVIL}</p><img src="data:image/png;base64,UE5H" alt="">\n'
    assert html.headers["content-security-policy"].startswith("sandbox; default-src 'none'; ")

    file = await visitor.get(f"/mail/{key}/files/0")
    assert (file.content, file.headers["content-type"]) == (EVIL.encode(), "application/octet-stream")
    assert file.headers["content-disposition"] == "attachment; filename*=UTF-8''r%C3%A9sum%C3%A9%22.html"
    assert (await visitor.get(f"/mail/{key}/files/1")).status_code == 404
    assert (await visitor.get(f"/mail/{uuid4()}")).status_code == 404
    for path in ("", "/html", "/files/0"):
        assert (await visitor.get(f"/mail/{key}{path}", headers={"Host": "evil.example"})).status_code == 404
    assert (await visitor.get("/mail/style.css")).headers["content-type"].startswith("text/css")


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "10.0.0.1"], ids=["name", "like", "address"]
)
async def test_another_host_s_pages_are_not_shown_it(visitor: httpx.AsyncClient, host: str):
    assert (await visitor.get("/mail", headers={"Host": host})).status_code == 404
    for here in ("127.0.0.1:8000", "[::1]:8000"):
        assert (await visitor.get("/mail", headers={"Host": here})).status_code == 200


@pytest.mark.parametrize(
    "settings",
    [
        {"LITEHOUSE_ENVIRONMENT": "test", "LITEHOUSE_MAIL": "file"},
        {"LITEHOUSE_MAIL": "console"},
        {"LITEHOUSE_HOST": "0.0.0.0", "LITEHOUSE_MAIL": "file", "LITEHOUSE_MAIL_FROM": "a@example.com"}
        | {"LITEHOUSE_BASE_URL": "https://example.com"},
    ],
    ids=["in tests", "printed", "for all"],
)
def test_they_are_in_development_on_loopback_alone(tmp_path: Path, settings: dict[str, str]):
    assert not development(tmp_path, **settings).shows_mail
    assert development(tmp_path).shows_mail
