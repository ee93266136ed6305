"""A small house to describe: every kind of parameter, body, answer and refusal, with no word of a real module."""

# ruff: noqa: ARG002 - the handlers are described, never called

from typing import Annotated
from uuid import UUID

from litestar import Controller, Litestar, Response, Router
from litestar import get as plain_get
from litestar.datastructures import State
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from msgspec import UNSET, Meta, UnsetType, field

from app.kit.errors import AppError, Conflict
from app.kit.identity import Permission
from app.kit.pagination import Slice
from app.kit.schema import Input, LenientInput, Moment, Output, example, text
from app.platform.handlers import Endpoint, delete, get, post, put
from app.platform.module import Module
from app.platform.problems import exception_handlers
from app.platform.security import PUBLIC, SIGNED_IN

HUNT = Permission("sea.hunt", "take what lives there")


class Extinct(Conflict):
    """There is none left."""

    code = "extinct"
    title = "Extinct"


class Sunk(AppError):
    """The ship went down."""

    status = 410
    code = "sunk"
    title = "Sunk"


class NewWhale(Input):
    """A whale to be.

    It is sighted later.
    """

    given_name: Annotated[str, text(20, "Moby")]
    seen_with: Annotated[list[Annotated[str, text(5)]], Meta(max_length=3)] = field(default_factory=list)
    nick_name: Annotated[str, text(9, "Mo")] | UnsetType | None = UNSET


class Remark(LenientInput):
    """What is said."""

    remark: str


class Whale(Output):
    """A whale."""

    id: UUID
    given_name: str
    nick_name: str | None
    born_at: Moment
    length: Annotated[int, example(18)] | None
    calves: "list[Whale]"
    mother: "Whale | None"


class Drawing(Output):
    """How it looks."""

    given_name: Annotated[str, example("Old Tom")]
    length: str


After = Annotated[str, Meta(max_length=9, description="The one that these follow")]


def provide_window(limit: Annotated[int, QueryParameter(ge=1, le=50, description="How many")] = 20) -> int:
    return limit


class WhaleController(Controller):
    """Whales."""

    path = "/whales"

    @get(permission=PUBLIC)
    async def list_whales(
        self,
        window: NamedDependency[int],
        after: FromQuery[After | None] = None,
        heavy: Annotated[bool, QueryParameter(name="isHeavy", description="Above 20 t")] = False,
    ) -> Slice[Whale]:
        """List whales.

        The newest first.
        """
        return Slice([], None)

    @post(permission=SIGNED_IN, refuses=(Conflict, Extinct))
    async def name_whale(self, data: JSONBody[NewWhale]) -> Response[Whale]:
        """Name a whale."""
        raise Extinct("whale", "is no more")

    @put("/{given_name:str}", permission=HUNT, refuses=(Sunk,), deprecated=True)
    async def remark_on_whale(self, given_name: FromPath[str], data: JSONBody[Remark]) -> Drawing:
        """Remark on a whale."""
        return Drawing(given_name, data.remark)

    @delete("/{whale_id:uuid}", permission=SIGNED_IN)
    async def forget_whale(self, whale_id: FromPath[UUID]) -> None:
        """Forget a whale."""


@get("/whales/charts", permission=PUBLIC, include_in_schema=False)
async def read_charts() -> Drawing:
    """Nobody's business."""
    return Drawing("Old Tom", "long")


@get("/lights", permission=PUBLIC, tags=["lights"])
async def list_lights() -> list[str]:
    """List what shines."""
    return ["here"]


@plain_get("/plain", permission=PUBLIC)
async def plain() -> str:
    return "no operation of the house"


def house(*routes: Endpoint, backwards: bool = False) -> Litestar:
    controllers = [WhaleController, read_charts][:: -1 if backwards else 1]
    window = {"window": Provide(provide_window, sync_to_thread=False)}
    sea = Module(
        name="sea",
        summary="What lives in the sea",
        routers=[Router("/", route_handlers=controllers, dependencies=window, tags=["sea"])],
    )
    return Litestar(
        [*sea.routers, list_lights, plain, *routes][:: -1 if backwards else 1],
        exception_handlers=exception_handlers,
        openapi_config=None,
        logging_config=None,
        state=State({"modules": [sea]}),
    )
