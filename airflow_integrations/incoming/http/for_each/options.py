"""``for_each``: the list of parents, for each of which the request is sent."""

from __future__ import annotations

import keyword
from typing import Annotated, Literal

from pydantic import Field, field_validator

from airflow_integrations.expressions.scopes import scope_names
from airflow_integrations.incoming.http.listed import Listed

__all__ = ["ForEach"]


class ForEach(Listed):
    """Parents are listed page by page; each of them is asked for its children, which have pages of their own. Several
    parents are asked at once, and their children come in the parents' order.

    Example:
        path: /api/locations
        records: body.locations
        name: location
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=60)]
    """What a parent is called in the texts and expressions of the request for its children.

    Example: ``name: location``
    """
    into: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    """The field of each child that takes its parent. Without one, a record is what the answer gave.

    Example: ``into: location``
    """
    concurrency: Annotated[int, Field(strict=True, ge=1, le=64)] = 4
    """Parents whose children are asked for at once; the Connection's own limit holds as well.

    Example: ``concurrency: 8``
    """
    missing: Literal["fail", "skip"] = "fail"
    """What happens where a parent's children answer 404 or 410, as when the parent was deleted since it was listed: the
    run fails, or goes on with the next parent. If no parent at all has an answer, the run fails anyway.

    Example: ``missing: skip``
    """

    @field_validator("name")
    @classmethod
    def _free_name(cls, name: str) -> str:
        if keyword.iskeyword(name) or name in scope_names("item"):
            raise ValueError(f"{name!r} has a meaning of its own in expressions; choose another name, such as parent")
        return name
