"""What accounts leaves to a worker; the rules are the service's."""

from app.domain.accounts.invitation_services import InvitationService
from app.domain.accounts.token_services import TokenService
from app.platform.jobs.declaration import job
from app.platform.jobs.job_work import JobWork


@job(queue="low", unique=(), schedule="37 3 * * *")
async def clear_sessions(work: JobWork) -> None:
    """Delete the tokens that have expired, or have not been used for too long: `just clearsessions`, each night."""
    await TokenService(work, work.resources.settings.security, scopes=()).forget_expired()


@job(queue="low", unique=(), schedule="27 3 * * *")
async def clear_invitations(work: JobWork) -> None:
    """Delete the invitations that expired long ago: the addresses of those who did not come are not kept for ever."""
    await InvitationService(work, work.resources.mailer).forget_expired()
