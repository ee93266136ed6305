"""What a viewer may: what the user holds, and what the token is not limited from."""

import pytest

from app.kit.identity import Permission, Viewer

HUNT, SAIL = Permission("sea.hunt", "hunt whales"), Permission("sea.sail", "sail")


@pytest.mark.parametrize(
    ("viewer", "may"),
    [
        pytest.param(Viewer(), False, id="nobody"),
        pytest.param(Viewer(permissions=frozenset({SAIL.name})), False, id="holds another"),
        pytest.param(Viewer(permissions=frozenset({HUNT.name})), True, id="holds it"),
        pytest.param(Viewer(is_superuser=True), True, id="superuser"),
        pytest.param(Viewer(is_superuser=True, scopes=frozenset({SAIL.name})), False, id="superuser, limited"),
        pytest.param(Viewer(is_superuser=True, scopes=frozenset()), False, id="superuser, limited to nothing"),
        pytest.param(Viewer(is_superuser=True, scopes=frozenset({HUNT.name})), True, id="superuser, limited to it"),
        pytest.param(Viewer(scopes=frozenset({HUNT.name})), False, id="a scope grants nothing"),
    ],
)
def test_a_viewer_may_what_the_user_and_the_scopes_allow(viewer: Viewer, may: bool):
    assert viewer.may(HUNT) is may
    assert viewer.holds(HUNT.name) is may
