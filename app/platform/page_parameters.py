"""The parameters of lists that go on where they ended: as every module of the house's own API declares them."""

from typing import Annotated

from litestar.params import QueryParameter

Limit = Annotated[int, QueryParameter(ge=1, le=100, description="How many to list at most")]
Cursor = Annotated[str | None, QueryParameter(max_length=200, description="`next` of the list that this one follows")]
