"""What browsers and the house say to each other about passkeys: WebAuthn's own JSON forms, and a list of one's own."""

from typing import Annotated, Any, Literal
from uuid import UUID

from msgspec import Meta, field

from app.kit.schema import Input, LenientInput, Moment, Output, text

CredentialId = Annotated[str, Meta(max_length=1400, description="In base64url", examples=["AbhA2NtPXxq_oQ"])]
ClientData = Annotated[str, Meta(max_length=4000, description="In base64url", examples=["eyJ0eXBlIjoi…"])]
Bytes = Annotated[str, Meta(max_length=20_000, description="In base64url", examples=["SZYN5YgOjGh0NBcP…"])]
PasskeyName = Annotated[str, text(100, "My telephone")]


class Attestation(LenientInput):
    """What a new passkey answers."""

    client_data_json: ClientData = field(name="clientDataJSON")
    attestation_object: Bytes
    transports: Annotated[
        list[Annotated[str, Meta(max_length=30)]], Meta(max_length=10, examples=[["internal", "hybrid"]])
    ] = field(default_factory=list)


class NewCredential(LenientInput):
    """What `navigator.credentials.create()` gave, by its `toJSON()`."""

    id: CredentialId
    raw_id: CredentialId
    type: Literal["public-key"]
    response: Attestation


class Assertion(LenientInput):
    """What a passkey answers."""

    client_data_json: ClientData = field(name="clientDataJSON")
    authenticator_data: Bytes
    signature: Bytes
    user_handle: Annotated[str, Meta(max_length=200, examples=["AZweaWvAel6Obwy9SnsvMQ"])] | None = None


class Credential(LenientInput):
    """What `navigator.credentials.get()` gave, by its `toJSON()`."""

    id: CredentialId
    raw_id: CredentialId
    type: Literal["public-key"]
    response: Assertion


class PasskeyOptions(Output):
    """What a browser asks a passkey by: once, and within five minutes."""

    public_key: Annotated[
        dict[str, Any],
        Meta(
            description="For `PublicKeyCredential.parseCreationOptionsFromJSON`, or `parseRequestOptionsFromJSON`",
            examples=[{"challenge": "Zk9…", "rpId": "example.org", "userVerification": "required"}],
        ),
    ]


class NewPasskey(Input):
    """A passkey, under a name that its owner knows it by."""

    name: PasskeyName
    credential: NewCredential


class PasskeySignIn(Input):
    """A passkey's answer."""

    credential: Credential


class PasskeyOut(Output):
    """A passkey, as its owner knows it."""

    id: UUID
    name: PasskeyName
    created_at: Moment
    last_used_at: Moment | None
