"""What the API of webhooks is told and says."""

from typing import Annotated, Literal
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType

from app.kit.schema import END, Input, Moment, Output, example, text

Url = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=2_000,
        description="Whither messages are posted: https, without user, password and fragment",
        examples=["https://example.com/hooks"],
    ),
]
EventName = Annotated[str, Meta(max_length=200, examples=["publishing.article_published"])]
Filters = Annotated[
    list[
        Annotated[
            str,
            Meta(
                pattern=r"^(\*|[a-z][a-z0-9_]{0,99}\.(\*|[a-z][a-z0-9_]{0,99}))" + END,
                examples=["publishing.article_published"],
            ),
        ]
    ],
    Meta(
        min_length=1,
        max_length=50,
        description="Of which events: their names, `module.*` for all of a module's, or `*`",
        examples=[["publishing.*", "accounts.user_registered"]],
    ),
]
Description = Annotated[str, Meta(max_length=500, examples=["The shop's search"])]
Secret = Annotated[
    str,
    Meta(
        description="Messages are signed with it; it is shown this once",
        examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
    ),
]
Reason = Annotated[str, example("it said that it is gone (410)")]
State = Literal["pending", "delivered", "failed"]
Status = Annotated[int, Meta(ge=100, le=999, examples=[200])]
Headers = Annotated[dict[str, str], example({"content-type": "application/json"})]
Body = Annotated[str, example('{"type":"publishing.article_published","timestamp":"…","data":{}}')]


class EndpointOut(Output):
    """Where messages go. Disabled, it is told nothing of what happens meanwhile."""

    id: UUID
    url: Url
    description: Description
    events: Filters
    created_by: UUID | None
    created_at: Moment
    disabled_at: Moment | None
    disabled_reason: Reason | None


class NewEndpointOut(Output):
    """An endpoint, with its secret."""

    endpoint: EndpointOut
    secret: Secret


class NewSecretOut(Output):
    """An endpoint's new secret; until the moment given, the one before signs as well."""

    secret: Secret
    old_until: Moment


class NewEndpoint(Input):
    """An endpoint to be."""

    url: Url
    events: Filters
    description: Description = ""


class ChangeEndpoint(Input):
    """What is different about an endpoint; what is left out stays."""

    url: Url | UnsetType = UNSET
    events: Filters | UnsetType = UNSET
    description: Description | UnsetType = UNSET


class NewReplay(Input):
    """A range of time, from `since` on and before `until`, whose events are to be sent once more."""

    since: Annotated[Moment, example("2026-01-31T09:30:00Z")]
    until: Annotated[Moment, example("2026-01-31T10:30:00Z")]


class ReplayOut(Output):
    """The job that does it: `/api/v1/jobs/{jobId}`."""

    job_id: UUID


class DeliveryOut(Output):
    """A message to an endpoint; `eventId` is its id there, the same however often it is sent.

    `status` is what the endpoint answered last, `error` why there was no answer.
    """

    id: UUID
    endpoint_id: UUID
    event_id: UUID
    event: EventName
    occurred_at: Moment
    state: State
    attempts: Annotated[int, Meta(ge=0, le=32_767)]
    created_at: Moment
    due_at: Moment | None
    attempted_at: Moment | None
    milliseconds: Annotated[int, Meta(ge=0)] | None
    status: Status | None
    error: Annotated[str, text(1_000, "no answer in time")] | None


class RequestOut(Output):
    """What was posted; signatures are not shown."""

    url: Url
    headers: Headers
    body: Body


class AnswerOut(Output):
    """What was answered, the first 10,000 bytes of it."""

    status: Status
    headers: Headers
    body: Body


class DeliveryDetailOut(Output):
    """A message, what was posted at the last attempt and what was answered; of one not sent yet, what will be."""

    delivery: DeliveryOut
    request: RequestOut
    response: AnswerOut | None


class EndpointShare(Output):
    """An endpoint, in an export."""

    url: Url
    description: Description
    created_at: Moment


class WebhooksShare(Output):
    """What webhooks holds of a user: the endpoints that they made."""

    endpoints: list[EndpointShare]
