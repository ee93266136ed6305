"""What the ledger brings to the house."""

from litestar import Router

from app.domain.ledger.controllers import EntryController
from app.domain.ledger.jobs import book, check, close
from app.domain.ledger.services import LedgerService
from app.domain.ledger.subscribers import hear, witness
from app.platform.handlers import service
from app.platform.module import Module

module = Module(
    name="ledger",
    summary="Entries, of which each has effects that can be counted",
    routers=[
        Router(
            "/api/v1/ledger",
            route_handlers=[EntryController],
            dependencies={"ledger": service(LedgerService)},
            tags=["ledger"],
        )
    ],
    subscribers=[hear, witness],
    jobs=[book, check, close],
)
