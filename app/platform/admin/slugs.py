"""A title in a form, with the slug that will be made of it."""

from dataclasses import dataclass

from adminsite.fields import StringField

from app.kit.slug import slug_of


@dataclass(eq=False, repr=False)
class SluggedField(StringField):
    """A line of text, under which stands, as it is typed, the slug that a service makes of it."""

    widget = "slugged"

    @staticmethod
    def slug_of(text: str) -> str:
        """What the form shows at first."""
        return slug_of(text)
