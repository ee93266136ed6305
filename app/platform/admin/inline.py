"""Rows of another model inside a record's form."""

from typing import TYPE_CHECKING, Any

from adminsite.views import Inline

if TYPE_CHECKING:
    from app.platform.admin.model_admin import ModelAdmin


class Rows(Inline):
    """Rows of another model inside a record's form, which are changed by the verbs of their own `ModelAdmin`."""

    of: "type[ModelAdmin[Any]]"
    parent: str

    def __init__(self, relation: Any, of: "type[ModelAdmin[Any]]", *, parent: str, **options: Any) -> None:
        """`parent`: the name under which `of`'s `create` is given the record that the rows belong to."""
        super().__init__(relation, **options)
        object.__setattr__(self, "of", of)
        object.__setattr__(self, "parent", parent)
