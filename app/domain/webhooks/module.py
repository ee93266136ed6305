"""What the webhooks module brings to the house."""

from litestar import Router
from litestar.di import Provide

from app.domain.webhooks.commands import webhook_replay, webhooks
from app.domain.webhooks.controllers import PATH, DeliveryController, EndpointController
from app.domain.webhooks.delivering import SECRETS, deliver, resume
from app.domain.webhooks.figures import webhook_figures
from app.domain.webhooks.forgetting import clear_deliveries, forget_deleted
from app.domain.webhooks.jobs import wake_forgotten
from app.domain.webhooks.models import Endpoint, Secret
from app.domain.webhooks.permissions import MANAGE_WEBHOOKS
from app.domain.webhooks.replays import replay_range
from app.domain.webhooks.services import provide_endpoints, share_of
from app.domain.webhooks.subscribers import tell_endpoints
from app.platform.audited import Audited
from app.platform.module import Module

module = Module(
    name="webhooks",
    summary="Webhooks: other systems are told of what happens here, at least once, signed",
    routers=[
        Router(
            PATH,
            route_handlers=[EndpointController, DeliveryController],
            dependencies={"endpoints": Provide(provide_endpoints, sync_to_thread=False)},
            tags=["webhooks"],
        ),
    ],
    permissions=[MANAGE_WEBHOOKS],
    subscribers=[tell_endpoints],
    jobs=[deliver, resume, replay_range, wake_forgotten, clear_deliveries, forget_deleted],
    on_request=[replay_range],
    sealed=[SECRETS],
    audited=[
        Audited(model=Endpoint, ignored=["failures", "rests_until", "succeeded_at"]),
        Audited(model=Secret, masked=["secret"]),
    ],
    share=share_of,
    figures=[webhook_figures],
    commands=[webhooks, webhook_replay],
    admin="app.domain.webhooks.admin",
)
