"""A template's text for one entity, as it can leave this machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_integrations.errors import EntityError
from airflow_integrations.expressions.templates.template import Template

__all__ = ["rendered_text"]


def rendered_text(template: Template, names: Mapping[str, Any], place: str) -> str:
    """Raises EntityError, with ``place`` as its field, where it reads what is not there or is not valid Unicode."""
    try:
        text = template.render(names)
        text.encode()
    except EntityError as error:
        raise EntityError(error.reason, field=place) from None
    except UnicodeEncodeError:
        raise EntityError("the text is not valid Unicode: half a surrogate pair", field=place) from None
    return text
