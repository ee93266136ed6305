"""Settings as they are shown: each by its name, without its secret, and with the place where it was found."""

from config.settings import load
from config.showing import MASK, shown

CANARY = "8xQcanary"


def test_secrets_are_masked_and_places_told(tmp_path):
    (tmp_path / ".env").write_text("LITEHOUSE_PORT=8123\nLITEHOUSE_SIGN_IN_LIMIT=7/60\n")
    environ = {
        "DATABASE_URL": f"postgresql://me:{CANARY}@db.example.com/house",
        "LITEHOUSE_ENVIRONMENT": "test",
        "LITEHOUSE_METRICS_TOKEN": CANARY,
        "LITEHOUSE_CACHE_URL": f"valkey://:{CANARY}@cache.example.com/0",
        "LITEHOUSE_CORS_ORIGINS": "https://a.example.com,https://b.example.com",
    }
    found = {one.name: one for one in shown(load(tmp_path / ".env", environ))}
    assert CANARY not in str(found)
    assert [found[name].value for name in ("LITEHOUSE_METRICS_TOKEN", "LITEHOUSE_CACHE_URL")] == [MASK, MASK]
    assert found["LITEHOUSE_DATABASE_URL"][2:] == (MASK, "the environment, as DATABASE_URL")
    assert found["LITEHOUSE_PORT"][2:] == ("8123", str(tmp_path / ".env"))
    assert found["LITEHOUSE_SIGN_IN_LIMIT"].value == "7/60"
    assert found["LITEHOUSE_CORS_ORIGINS"].value == "https://a.example.com, https://b.example.com"
    assert found["LITEHOUSE_HOST"][2:] == ("127.0.0.1", "default")
    assert found["LITEHOUSE_SECRET_KEYS"].value == ""
