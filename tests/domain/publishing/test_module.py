"""What publishing offers as a module."""

from litestar import Litestar

from app.domain.publishing.module import module
from app.domain.publishing.repositories import RESERVED


async def test_every_fixed_path_beside_the_slugs_is_reserved(app: Litestar) -> None:
    parts = [route.path.split("/")[1:] for route in app.routes]
    beside = {path[2] for path in parts if path[:2] == ["api", "articles"] and len(path) > 2}

    assert {name for name in beside if not name.startswith("{")} == RESERVED


def test_permissions_carry_the_modules_name() -> None:
    assert module.permissions
    assert all(permission.name.startswith("publishing.") for permission in module.permissions)
