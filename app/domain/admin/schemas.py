"""What the site tells somebody of what it keeps for them."""

from app.kit.schema import Moment, Output


class KeptList(Output):
    """A list that one comes back to: what one looks for in it, as its address has it."""

    view: str
    name: str
    query: str
    is_shared: bool
    created_at: Moment


class KeptFile(Output):
    """A file of rows that waits to be imported, for a day at most."""

    view: str
    created_at: Moment


class SiteShare(Output):
    """All that the admin site holds of a user."""

    lists: list[KeptList]
    files: list[KeptFile]
