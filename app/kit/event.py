"""What a module tells the others: a fact, named in the past tense."""

import re
from typing import ClassVar

import msgspec

_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def module_named(path: str) -> str:
    """The domain module that a Python module belongs to, be it a room's file or a file within a room's folder."""
    parts = path.split(".")
    return parts[2] if parts[:2] == ["app", "domain"] else parts[-2]


class Event(msgspec.Struct, frozen=True, rename="camel"):
    """A fact. A module's own stand in its `events.py`, frozen; they hold values and no rows, for they outlive these.

    `about` names the field that says what it is about: events about one thing are delivered in their order.
    """

    about: ClassVar[str]

    @classmethod
    def wire_name(cls) -> str:
        """`shop.order_placed`, by which it is stored, subscribed to and sent to others."""
        return f"{module_named(cls.__module__)}.{_WORD.sub('_', cls.__name__).lower()}"

    @property
    def subject(self) -> str:
        """The thing that it is about, among all there are: `order:0190…` where `about` is `order_id`."""
        return f"{self.about.removesuffix('_id')}:{getattr(self, self.about)}"
