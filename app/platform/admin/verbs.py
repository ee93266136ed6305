"""Actions of the site: a service's verb over chosen rows, at once or, for many, by a job."""

from collections.abc import Awaitable, Callable
from inspect import Parameter, Signature, getdoc, signature
from typing import Any, Concatenate, get_type_hints

from adminsite.actions import action
from msgspec import NODEFAULT, defstruct

from app.kit.identity import Permission

Verb = Callable[Concatenate[Any, Any, Any, ...], Awaitable[None]]
"""A method of a view: it gets a unit of work, a locked row, and by name what its form asks for."""


ALONE = "superusers.alone"  # nobody can be granted it


def verb(
    label: str, *, permission: Permission | None, confirm: str = "", dangerous: bool = False
) -> Callable[[Verb], Any]:
    """Offer a method for chosen rows: `async def close(self, work, row, *, reason: str) -> None`.

    It is called for each row, all in one unit of work, so that all of them change or none; of more than a hundred rows
    by a job. What follows the row is asked for in a dialog, by the types of the parameters; a job gets it as JSON.
    `permission` is what one must hold to be offered it; None: superusers alone. The first line of the docstring is
    said when it is done.
    """

    def mark(method: Verb) -> Any:
        name = getattr(method, "__name__", label)
        parameters = list(signature(method).parameters.values())
        asked = [one.replace(kind=Parameter.KEYWORD_ONLY) for one in parameters[3:]]
        asks = ALONE if permission is None else permission.name
        done = (getdoc(method) or label).partition("\n")[0]

        async def run(self: Any, selection: Any, **inputs: Any) -> Any:
            return await self.each(selection, asks, name, inputs, done)

        hints = get_type_hints(method, include_extras=True)
        fields = [(one.name, hints[one.name], NODEFAULT if one.default is one.empty else one.default) for one in asked]
        run.__name__ = name
        run.__annotations__ = {one.name: hints[one.name] for one in asked}  # what is untyped is handed the selection
        chosen = Parameter("selection", Parameter.POSITIONAL_OR_KEYWORD)
        run.__signature__ = Signature([parameters[0], chosen, *asked])  # ty: ignore[missing-attribute]
        run.verb, run.inputs = method, defstruct(name, fields)  # ty: ignore[missing-attribute] - as the job finds it
        offer = action(label, confirm=confirm, permission=asks, dangerous=dangerous)
        return offer(run)

    return mark
