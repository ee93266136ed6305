"""What the API of providers and identities is told and says."""

from typing import Annotated
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType, field

from app.kit.schema import END, Input, Moment, Output, text

ProviderName = Annotated[
    str,
    Meta(
        pattern=f"^[a-z0-9][a-z0-9-]{{0,39}}{END}",
        description="As it stands in addresses: letters a-z, digits and hyphens",
        examples=["example"],
    ),
]
Label = Annotated[str, text(100, "Example")]
Issuer = Annotated[
    str,
    Meta(
        max_length=500,
        description="Its address, as its own `/.well-known/openid-configuration` has it",
        examples=["https://accounts.example.com"],
    ),
]
ClientId = Annotated[str, text(500, "litehouse")]
ClientSecret = Annotated[
    str,
    text(2_000, "b9Qm…"),
    Meta(description="Kept encrypted, and never shown", extra_json_schema={"format": "password"}),
]
Scopes = Annotated[
    list[Annotated[str, Meta(pattern=r"^[!#-\[\]-~]{1,100}" + END, examples=["email"])]],
    Meta(
        min_length=1,
        max_length=20,
        description="What it is asked for",
        examples=[["openid", "email", "profile"]],
        extra_json_schema={"contains": {"const": "openid"}},
    ),
]
Subject = Annotated[str, Meta(description="As whom the provider knows the user", examples=["248289761001"])]
ToldEmail = Annotated[str, Meta(description="The address that the provider told", examples=["ann@example.com"])]


class ProviderOut(Output):
    """Who vouches for users: one signs in by `GET /account/openid/{name}`."""

    name: ProviderName
    label: Label


class ProviderList(Output):
    """Those by whom one can sign in."""

    items: list[ProviderOut]


class ManagedProvider(Output):
    """A provider, as its managers see it: without the secret."""

    id: UUID
    name: ProviderName
    label: Label
    issuer: Issuer
    client_id: ClientId
    scopes: Scopes
    created_at: Moment


class NewProvider(Input):
    """A provider to be."""

    name: ProviderName
    label: Label
    issuer: Issuer
    client_id: ClientId
    client_secret: ClientSecret
    scopes: Scopes = field(default_factory=lambda: ["openid", "email", "profile"])


class ChangeProvider(Input):
    """What is different about a provider; what is left out stays. Its issuer does: by another it is another one."""

    label: Label | UnsetType = UNSET
    client_id: ClientId | UnsetType = UNSET
    client_secret: ClientSecret | UnsetType = UNSET
    scopes: Scopes | UnsetType = UNSET


class AuthorizationOut(Output):
    """Where the browser goes to sign in; the answer's cookie is looked for when it comes back."""

    authorization_url: Annotated[
        str, Meta(examples=["https://accounts.example.com/authorize?response_type=code&client_id=litehouse&state=…"])
    ]


class IdentityOut(Output):
    """As whom a provider knows one."""

    id: UUID
    provider: ProviderName
    subject: Subject
    email: ToldEmail | None
    created_at: Moment
    last_used_at: Moment | None


class IdentityList(Output):
    """One's identities."""

    items: list[IdentityOut]
