"""The ceremonies of passkeys (WebAuthn), as the library does them: what is asked, and whether an answer is right.

To import that library takes longer than all else that a start does: `passkeys` imports this at its first use, aside.
"""

import json
from collections.abc import Iterable
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url, parse_client_data_json
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from app.domain.accounts.models import Passkey, User
from app.domain.accounts.passkey_schemas import Credential, NewCredential
from app.kit.errors import Busy, Invalid
from config.settings import HttpSettings

TRANSPORTS = {one.value: one for one in AuthenticatorTransport}
WITHOUT_ADDRESS = "this cannot be done here before its operator has set LITEHOUSE_BASE_URL"


class Site(NamedTuple):
    """Whom passkeys are for: a host, and the origins whose pages may ask them."""

    host: str
    origins: list[str]

    @classmethod
    def of(cls, http: HttpSettings) -> "Site":
        """That of this installation. Raises Busy where browsers know it by no address."""
        if http.base_url is None:
            raise Busy(WITHOUT_ADDRESS, retry_after=3600)
        return cls(http.site, [http.base_url, *(http.cors_origins if http.cors_credentials else ())])


class Made(NamedTuple):
    """A new passkey: its id, the public half of its keys, and how often it was used."""

    credential_id: bytes
    public_key: bytes
    sign_count: int


def creation_options(site: Site, user: User, known: Iterable[Passkey], challenge: bytes) -> dict[str, Any]:
    """By which a browser makes a passkey, of the kind that signs in without a name; none beside those known."""
    return _plain(
        generate_registration_options(
            rp_id=site.host,
            rp_name=site.host,
            user_id=user.id.bytes,
            user_name=user.username,
            challenge=challenge,
            exclude_credentials=_descriptors(known),
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED,
                user_verification=UserVerificationRequirement.REQUIRED,
            ),
        )
    )


def request_options(site: Site, known: Iterable[Passkey], challenge: bytes, *, verified: bool) -> dict[str, Any]:
    """By which a browser asks one of these passkeys, or any; `verified`: it must look whose hand it is in."""
    wanted = UserVerificationRequirement.REQUIRED if verified else UserVerificationRequirement.PREFERRED
    return _plain(
        generate_authentication_options(
            rp_id=site.host, challenge=challenge, allow_credentials=_descriptors(known), user_verification=wanted
        )
    )


def challenge_in(credential: Credential | NewCredential) -> bytes:
    """What the passkey was asked. Raises Invalid."""
    try:
        return parse_client_data_json(base64url_to_bytes(credential.response.client_data_json)).challenge
    except Exception as error:
        raise _not_one() from error


def made_by(credential: NewCredential, challenge: bytes, site: Site) -> Made:
    """The passkey that answers. Raises Invalid."""
    try:
        made = verify_registration_response(
            credential=msgspec.to_builtins(credential),
            expected_challenge=challenge,
            expected_rp_id=site.host,
            expected_origin=site.origins,
            require_user_verification=True,
        )
    except Exception as error:
        raise _not_one() from error
    return Made(made.credential_id, made.credential_public_key, made.sign_count)


def count_after(credential: Credential, challenge: bytes, passkey: Passkey, site: Site, *, verified: bool) -> int:
    """How often this passkey was used, whose answer it is. Raises Invalid; a count that went back is a copy's."""
    _check_handle(credential.response.user_handle, passkey.user_id)
    try:
        return verify_authentication_response(
            credential=msgspec.to_builtins(credential),
            expected_challenge=challenge,
            expected_rp_id=site.host,
            expected_origin=site.origins,
            credential_public_key=passkey.public_key,
            credential_current_sign_count=passkey.sign_count,
            require_user_verification=verified,
        ).new_sign_count
    except Exception as error:
        raise _not_one() from error


def _check_handle(handle: str | None, user: UUID) -> None:
    """A passkey that signs in without a name says whose it is, too."""
    if handle is not None and handle.rstrip("=") != bytes_to_base64url(user.bytes):
        raise _not_one()


def credential_id_of(credential: Credential) -> bytes:
    """Which passkey answers. Raises Invalid."""
    try:
        return base64url_to_bytes(credential.id)
    except ValueError as error:
        raise _not_one() from error


def transports_of(credential: NewCredential) -> list[str]:
    """By which ways the passkey is reached, of those that are known."""
    return [one for one in dict.fromkeys(credential.response.transports) if one in TRANSPORTS]


def _descriptors(known: Iterable[Passkey]) -> list[PublicKeyCredentialDescriptor]:
    return [
        PublicKeyCredentialDescriptor(one.credential_id, transports=[TRANSPORTS[name] for name in one.transports])
        for one in known
    ]


def _plain(options: Any) -> dict[str, Any]:
    return json.loads(options_to_json(options))


def _not_one() -> Invalid:
    """Whatever the parsers of foreign bytes stumble over, it is no answer; more would help only who forges one."""
    return Invalid("passkey", "is not right, or came too late", code="wrong")
