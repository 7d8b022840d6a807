"""The docstrings under a model's fields, read from its source when a JSON Schema is made.

Pydantic's own ``use_attribute_docstrings`` reads them as each class is defined, in every process that ever loads a
route: half of what starting a task would cost.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from functools import cache
from itertools import pairwise
from typing import Any

from pydantic import BaseModel

__all__ = ["field_docs"]


def field_docs(model: type[BaseModel]) -> dict[str, str]:
    """Field name to docstring, those of the classes it inherits from included."""
    found: dict[str, str] = {}
    for owner in reversed(model.__mro__):
        found.update(_of_class(owner))
    return {name: text for name, text in found.items() if name in model.model_fields}


@cache
def _of_class(owner: type[Any]) -> dict[str, str]:
    try:
        source = textwrap.dedent(inspect.getsource(owner))
        defined = ast.parse(source).body[0]
    except (OSError, TypeError, SyntaxError):  # made at run time, or shipped without its source
        return {}
    body = defined.body if isinstance(defined, ast.ClassDef) else []
    return {
        field.target.id: inspect.cleandoc(doc.value.value)
        for field, doc in pairwise(body)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if isinstance(doc, ast.Expr) and isinstance(doc.value, ast.Constant) and isinstance(doc.value.value, str)
    }
