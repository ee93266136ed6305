"""Users of the RealWorld API: accounts does the work, here it gets the bodies that those front ends expect."""

from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec.structs import asdict

from app.domain.accounts.services import Account, AccountService, ByLinkAlone, Changes, SecondFactorNeeded
from app.domain.publishing.queries import user_by_id
from app.domain.publishing.schemas import ChangeUser, Identity, RegisterUser, SignInUser, UserEnvelope, UserOut
from app.kit.errors import Conflict, ProofNeeded, TooMany, found
from app.kit.identity import Viewer
from app.platform.database.work import Reader
from app.platform.handlers import get, post, put
from app.platform.request import JSONRequest
from app.platform.security import PUBLIC, SIGNED_IN, UNLIMITED


class UserController(Controller):
    """Joining, signing in, and one's own account."""

    @post("/users", permission=PUBLIC, refuses=(ByLinkAlone, Conflict, TooMany))
    async def register_user(
        self, data: JSONBody[RegisterUser], accounts: NamedDependency[AccountService]
    ) -> Response[UserEnvelope]:
        """Join, and be signed in."""
        made = await accounts.sign_up(**asdict(data.user), lenient=True)
        headers = {"Location": "/api/user", "Cache-Control": "no-store"}
        return Response(_shown(made.user, made.token), headers=headers)

    @post("/users/login", permission=PUBLIC, status_code=200, refuses=(TooMany, SecondFactorNeeded))
    async def sign_in_user(
        self, data: JSONBody[SignInUser], accounts: NamedDependency[AccountService]
    ) -> Response[UserEnvelope]:
        """Sign in.

        Who has a second factor cannot do it here, where no body has a place for one.
        """
        made = await accounts.sign_in(**asdict(data.user))
        return Response(_shown(made.user, made.token), headers={"Cache-Control": "no-store"})

    @get("/user", permission=SIGNED_IN)
    async def read_user(
        self, request: JSONRequest, viewer: NamedDependency[Viewer], reader: NamedDependency[Reader]
    ) -> UserEnvelope:
        """Read one's own account."""
        return _shown(found(await user_by_id.one(reader, user=viewer.id), "user"), request.auth)

    @put("/user", permission=UNLIMITED, changes_identity=True, refuses=(Conflict, ProofNeeded))
    async def change_user(
        self,
        data: JSONBody[ChangeUser],
        request: JSONRequest,
        viewer: NamedDependency[Viewer],
        accounts: NamedDependency[AccountService],
    ) -> Response[UserEnvelope]:
        """Change one's own account.

        What is left out stays. A new password ends all other tokens; the presented one stays good. Who has a second
        factor must have proved a moment ago who they are, to change password or address.
        """
        changed = await accounts.change(viewer, Changes(**asdict(data.user)), lenient=True)
        return Response(_shown(changed, request.auth), headers={"Cache-Control": "no-store"})


def _shown(user: Identity | Account, token: str) -> UserEnvelope:
    return UserEnvelope(UserOut(user.username, user.email, token, user.bio, user.image))
