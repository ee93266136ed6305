"""The quick house with one more view at its admin site, which shows what no module's own view has a use for."""

from unittest.mock import patch

from app.domain.accounts.models import User
from app.domain.admin import building
from app.platform.admin.model_admin import ModelAdmin
from app.platform.admin.verbs import verb
from app.platform.database.work import UnitOfWork
from tests.e2e.quick import run


class SailorAdmin(ModelAdmin[User]):
    """Users as rows of a small table: counted beside filters and dates, and renamed by what a dialog asks for."""

    name = "sailors"
    label, label_plural = "Shipmate", "Shipmates"
    group = "Accounts"
    fields = (User.username, User.display_name, User.is_staff, User.created_at)
    record_title = "{username}"
    list_filters = (User.is_staff,)
    date_hierarchy = User.created_at
    can_create = can_edit = can_delete = can_export = can_view_detail = False

    @verb("Give a name", permission=None, confirm="Give them a new name?")
    async def give_name(self, _work: UnitOfWork, user: User, *, name: str) -> None:
        """Named."""
        user.display_name = name


if __name__ == "__main__":
    offered = building.offered
    with patch.object(building, "offered", lambda modules: [*offered(modules), SailorAdmin]):
        run()
