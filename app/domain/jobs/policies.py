"""Who sees what of jobs: pure functions of the viewer."""

from uuid import UUID

from app.kit.identity import Permission, Viewer

MANAGE_JOBS = Permission("jobs.manage_jobs", "see all jobs and their errors, cancel them and have them tried anew")


def seen_by(viewer: Viewer) -> UUID | None:
    """Whose jobs they see: their own; None: everybody's."""
    return None if viewer.may(MANAGE_JOBS) else viewer.id


def may_see_errors(viewer: Viewer) -> bool:
    """Whether they may know why a job failed: an error tells of the house's insides."""
    return viewer.may(MANAGE_JOBS)
