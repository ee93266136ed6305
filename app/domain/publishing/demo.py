"""The demo content: a database that somebody opens for the first time shows real articles, and lets them sign in."""

from datetime import UTC, datetime, timedelta

from app.domain.accounts.services import AccountService
from app.domain.publishing.queries import newest_articles, profile_by_name
from app.domain.publishing.samples import samples
from app.domain.publishing.seeding import Seeder
from app.kit.identity import ANONYMOUS
from app.kit.pagination import Window
from app.platform.database.pools import Database
from app.platform.passwords import PasswordHasher
from config.settings import Settings

NAME, EMAIL, PASSWORD = "demo", "demo@example.com", "litehouse-demo"


async def load_demo(database: Database, settings: Settings) -> str:
    """Fill an empty publishing, and say how to sign in; in development alone, for the password is known to all."""
    if not settings.development:
        return ""
    reader = database.reader()
    if await profile_by_name.one(reader, username=NAME, viewer=ANONYMOUS.id) is None:
        page = await newest_articles.page(reader, Window(1), viewer=ANONYMOUS.id)
        if page.total:
            return ""
        work = database.unit_of_work()
        accounts = AccountService(work, reader, PasswordHasher(workers=1, queue=0), settings.security)
        await work.run(lambda: _load(accounts))
    return f"Sign in as {EMAIL} with the password {PASSWORD}"


async def _load(accounts: AccountService) -> None:
    demo = await accounts.sign_up(NAME, EMAIL, PASSWORD)
    texts = samples()
    seeder = Seeder(accounts.work, advance=lambda _: None)
    authors = await seeder.people(sorted({text.author for text in texts}, key=str.lower))
    until = datetime.now(UTC) - timedelta(hours=1)
    written = seeder.write(texts, [authors[text.author] for text in texts], until, timedelta(days=1))
    readers = list(authors.values())
    await seeder.articles(written, seeder.pairs(5 * len(written), [*readers, demo.user.id], written))
    await seeder.comments(2 * len(written), readers, written)
    await seeder.follows(demo.user.id, readers[::10])
