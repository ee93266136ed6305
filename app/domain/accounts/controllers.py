"""The doors of accounts: signing up, tokens, and one's own account."""

from uuid import UUID

from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec.structs import asdict

from app.domain.accounts.factor_schemas import SecondFactorAsked
from app.domain.accounts.links import ByLinkAlone
from app.domain.accounts.queries import account, live_tokens
from app.domain.accounts.schemas import (
    Account,
    ChangeAccount,
    MadeToken,
    NewToken,
    SignedIn,
    SignIn,
    SignUp,
    TokenOut,
)
from app.domain.accounts.services import AccountService, Changes
from app.domain.accounts.session_controllers import PATH, asked_first, shown_once
from app.domain.accounts.token_services import TokenService, Wish
from app.domain.accounts.tokens import Idle
from app.kit.errors import Conflict, NotFound, ProofNeeded, TooMany, found
from app.kit.identity import Viewer
from app.kit.pagination import After, Slice
from app.platform.cookies import SessionCookie
from app.platform.database.work import Reader
from app.platform.handlers import delete, get, patch, post
from app.platform.page_parameters import Cursor, Limit
from app.platform.security import PUBLIC, SIGNED_IN, UNLIMITED


class UserController(Controller):
    """Users."""

    path = "/users"

    @post(permission=PUBLIC, refuses=(ByLinkAlone, Conflict, TooMany))
    async def sign_up(self, data: JSONBody[SignUp], accounts: NamedDependency[AccountService]) -> Response[SignedIn]:
        """Sign up.

        Makes a user, and a token for them; where the server lets one sign up without a link to one's address.
        """
        return shown_once(await accounts.sign_up(data.username, data.email, data.password), f"{PATH}/me")


class TokenController(Controller):
    """Tokens: what a client presents as `Authorization: Bearer …` to be known."""

    path = "/tokens"

    @post(permission=PUBLIC, refuses=(TooMany,), accepted=SecondFactorAsked)
    async def sign_in(
        self, data: JSONBody[SignIn], accounts: NamedDependency[AccountService]
    ) -> Response[SignedIn | SecondFactorAsked]:
        """Sign in.

        Makes a token for the user with this address, or username, and this password. Who has a second factor is asked
        for it, by 202.
        """
        made = await accounts.enter(data.email, data.password)
        return shown_once(made) if isinstance(made, SignedIn) else asked_first(made)

    @get(permission=SIGNED_IN)
    async def list_tokens(
        self,
        viewer: NamedDependency[Viewer],
        reader: NamedDependency[Reader],
        idle: NamedDependency[Idle],
        limit: Limit = 20,
        after: Cursor = None,
    ) -> Slice[TokenOut]:
        """List one's tokens and sessions, the newest first.

        Those that have expired, or have not been used for long, are left out.
        """
        window = After(limit, after)
        return await live_tokens.after(
            reader,
            window,
            user=viewer.id,
            credential=viewer.credential,
            used_after=idle.tokens,
            session_used_after=idle.sessions,
        )

    @post("/named", permission=UNLIMITED, refuses=(Conflict, ProofNeeded))
    async def make_token(
        self,
        data: JSONBody[NewToken],
        viewer: NamedDependency[Viewer],
        tokens: NamedDependency[TokenService],
    ) -> Response[MadeToken]:
        """Make a token by name.

        For a program, say: it may be limited to some permissions, and does not end with a sign-out. There are a
        hundred at most. Who has a second factor must have proved a moment ago who they are, to make one that is not
        limited.
        """
        return shown_once(await tokens.make(viewer, Wish(**asdict(data))))

    @delete(permission=UNLIMITED, changes_identity=True)
    async def sign_out_everywhere(
        self, viewer: NamedDependency[Viewer], accounts: NamedDependency[AccountService]
    ) -> None:
        """Sign out everywhere.

        Ends all of one's tokens, the presented one too.
        """
        await accounts.sign_out_everywhere(viewer)

    @delete("/current", permission=SIGNED_IN, changes_identity=True)
    async def sign_out(self, viewer: NamedDependency[Viewer], accounts: NamedDependency[AccountService]) -> None:
        """Sign out.

        Ends the token that is presented.
        """
        await accounts.sign_out(viewer)

    @delete("/others", permission=UNLIMITED, changes_identity=True)
    async def sign_out_others(self, viewer: NamedDependency[Viewer], tokens: NamedDependency[TokenService]) -> None:
        """Sign out everywhere else.

        Ends all of one's tokens but the presented one.
        """
        await tokens.sign_out_others(viewer)

    @delete("/{token_id:uuid}", permission=UNLIMITED, changes_identity=True, refuses=(NotFound,))
    async def revoke_token(
        self, token_id: FromPath[UUID], viewer: NamedDependency[Viewer], accounts: NamedDependency[AccountService]
    ) -> None:
        """End one of one's tokens."""
        await accounts.revoke(viewer, token_id)


class MeController(Controller):
    """One's own account."""

    path = "/me"

    @get(permission=SIGNED_IN)
    async def read_account(self, viewer: NamedDependency[Viewer], reader: NamedDependency[Reader]) -> Account:
        """Read one's own account."""
        return found(await account.one(reader, user=viewer.id), "user")

    @patch(permission=UNLIMITED, changes_identity=True, refuses=(Conflict, ProofNeeded))
    async def change_account(
        self,
        data: JSONBody[ChangeAccount],
        viewer: NamedDependency[Viewer],
        accounts: NamedDependency[AccountService],
        cookie: NamedDependency[SessionCookie],
    ) -> Response[Account]:
        """Change one's own account.

        What is left out stays. A new password ends all other tokens and sessions; a session that asks for it goes on
        under a new cookie. Who has a second factor must have proved a moment ago who they are, to change password or
        address.
        """
        changed = await accounts.change(viewer, Changes(**asdict(data)))
        return Response(changed, headers=cookie.given_out(accounts.renewed))
