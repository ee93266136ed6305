"""What is signed is verified, as others do it too; what is changed, old or signed by others is not."""

from datetime import UTC, datetime, timedelta

import pytest

from app.kit.signatures import BadSignature, secret_of, signed, verify, written

# Published with the standard's own libraries.
SECRET, OTHER = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", written(b"o" * 32)
MESSAGE, TIMESTAMP, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
HEADERS = {"webhook-id": MESSAGE, "webhook-timestamp": str(TIMESTAMP), "webhook-signature": SIGNATURE}
THEN = datetime.fromtimestamp(TIMESTAMP, UTC)


def test_it_is_signed_as_the_standard_has_it():
    assert signed([secret_of(SECRET)], MESSAGE, TIMESTAMP, BODY) == HEADERS
    assert written(secret_of(SECRET)) == SECRET


@pytest.mark.parametrize("seconds", [-300, 0, 300])
def test_it_is_verified_within_five_minutes(seconds: int):
    assert verify([SECRET], HEADERS, BODY, THEN + timedelta(seconds=seconds)) == MESSAGE


def test_while_secrets_change_either_will_do_on_both_sides():
    both = signed([secret_of(OTHER), secret_of(SECRET)], MESSAGE, TIMESTAMP, BODY)
    assert both["webhook-signature"].endswith(f" {SIGNATURE}")
    assert verify([SECRET], both, BODY, THEN) == verify([OTHER], both, BODY, THEN) == MESSAGE
    titled = {name.title(): value for name, value in HEADERS.items()}
    assert verify([OTHER, SECRET], titled, BODY, THEN) == MESSAGE


@pytest.mark.parametrize(
    ("secret", "change", "body", "seconds", "field"),
    [
        pytest.param(OTHER, {}, BODY, 0, "webhook-signature", id="another secret"),
        pytest.param(SECRET, {}, BODY + b" ", 0, "webhook-signature", id="another body"),
        pytest.param(SECRET, {"webhook-id": "msg_2"}, BODY, 0, "webhook-signature", id="another message"),
        pytest.param(SECRET, {"webhook-timestamp": "1614265331"}, BODY, 0, "webhook-signature", id="another moment"),
        pytest.param(SECRET, {"webhook-signature": f"v2{SIGNATURE[2:]}"}, BODY, 0, "webhook-signature", id="version"),
        pytest.param(SECRET, {"webhook-signature": "é"}, BODY, 0, "webhook-signature", id="not ASCII"),
        pytest.param(SECRET, {"webhook-timestamp": "١٢"}, BODY, 0, "webhook-timestamp", id="digits of elsewhere"),
        pytest.param(SECRET, {"webhook-timestamp": "9" * 400}, BODY, 0, "webhook-timestamp", id="past all floats"),
        pytest.param(SECRET, {"webhook-timestamp": "9" * 5_000}, BODY, 0, "webhook-timestamp", id="past all integers"),
        pytest.param(SECRET, {"webhook-id": ""}, BODY, 0, "webhook-id", id="no id"),
        pytest.param(SECRET, {"webhook-signature": ""}, BODY, 0, "webhook-signature", id="no signature"),
        pytest.param(SECRET, {}, BODY, 301, "webhook-timestamp", id="old"),
        pytest.param(SECRET, {}, BODY, -301, "webhook-timestamp", id="of the future"),
    ],
)
def test_what_is_not_as_it_was_signed_is_refused(
    secret: str, change: dict[str, str], body: bytes, seconds: int, field: str
):
    with pytest.raises(BadSignature) as told:
        verify([secret], HEADERS | change, body, THEN + timedelta(seconds=seconds))
    [violation] = told.value.violations
    assert (told.value.status, violation.pointer) == (401, f"header:{field}")


@pytest.mark.parametrize(
    "secret",
    [
        pytest.param("whsec_?", id="no base64"),
        pytest.param("", id="not set"),
        pytest.param("whsec_", id="empty"),
        pytest.param(written(b"x" * 23), id="short"),
    ],
)
def test_a_secret_that_is_none_is_told_at_once(secret: str):
    """By an empty one anybody could sign."""
    forged = signed([b""], MESSAGE, TIMESTAMP, BODY)
    with pytest.raises(ValueError, match="whsec_ and base64"):
        verify([secret], forged, BODY, THEN)
