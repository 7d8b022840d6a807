"""The mistakes of templates whose values could change the meaning of what they are written into."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from airflow_integrations.expressions import Template

__all__ = ["body_mistakes", "template_mistakes"]

_Loc = tuple[int | str, ...]
_LANGUAGES = {"xml": "XML", "urlencode": "a form", "json": "JSON"}


def template_mistakes(template: Template) -> Iterator[str]:
    """What is wrong with the values of a path or a query."""
    if template.flavor not in ("path", "query"):
        return
    for value in template.quoted():
        yield (
            f"{{{{ {value} }}}} stands between single quotes, and a quote in the value would end the text there: what "
            f"follows would count as part of the question. Write {{{{ {value} | odata }}}}, which doubles the quotes "
            "as OData and SQL do, or | raw where the value cannot have any"
        )
    is_json = template.flavor == "query" and _filter_for(template.text, None) == "json"
    for value in template.unescaped("json") if is_json else template.double_quoted():
        yield (
            f"{{{{ {value} }}}} stands {'in JSON' if is_json else 'between double quotes'}, and a quote in the value "
            f"would end the text there: what follows would count as part of the question. Write {{{{ {value} | json "
            "}}, which has its own quotes, in place of the value and the quotes around it; or | raw where the value "
            "cannot have any"
        )
    for value in template.compared():
        yield (
            f"{{{{ {value} }}}} is compared without quotes: a value such as 1 or true would change the question, and "
            f"what is found would be another entity. Write '{{{{ {value} | odata }}}}' for a text, with the quotes; "
            f"{{{{ {value} | round }}}} for a whole number, which lets nothing else pass; or | raw where the value "
            "cannot be anything else"
        )
    for value in template.in_keys():
        yield (
            f"{{{{ {value} }}}} stands in a key without quotes: a value such as Number='7' would name another entity. "
            f"Write '{{{{ {value} | odata }}}}' for a text, with the quotes; {{{{ {value} | round }}}} for a whole "
            "number, which lets nothing else pass; or | raw where the value cannot be anything else. The kind odata "
            "writes keys by their type"
        )
    if template.uses("urlencode"):
        yield f"values of a {template.flavor} are percent-encoded anyway; take | urlencode out, which does it twice"


def body_mistakes(
    config: Any, loc: _Loc = (), outer: tuple[str | None, Template | None] = (None, None)
) -> Iterator[tuple[_Loc, str]]:
    """Values in a ``body_text`` that are not escaped for its media type, in a configuration and all below it.

    ``outer`` are the media type and the text that requests below take where they have none of their own.
    """
    if isinstance(config, BaseModel):
        own = getattr(config, "body_text", None)
        named = getattr(config, "content_type", None) or _of_headers(getattr(config, "headers", None))
        kind = named or outer[0]
        others = any(getattr(config, name, None) is not None for name in ("body", "form", "body_format"))
        text = own if isinstance(own, Template) else None if others else outer[1]
        if isinstance(own, Template) or (named and text is not None and hasattr(config, "body_text")):
            assert text is not None
            place = (*loc, "body_text") if isinstance(own, Template) else (*loc, "content_type")
            for said in _of_body(text, kind):
                yield place, said
        for name, field in type(config).model_fields.items():
            yield from body_mistakes(getattr(config, name), (*loc, field.alias or name), (kind, text))
    elif isinstance(config, (list, tuple)):
        for index, inner in enumerate(config):
            yield from body_mistakes(inner, (*loc, index), outer)


def _of_headers(headers: Any) -> str | None:
    if not isinstance(headers, dict):
        return None
    return next((str(text) for name, text in headers.items() if str(name).lower() == "content-type"), None)


def _of_body(text: Template, media_type: str | None) -> Iterator[str]:
    escape = _filter_for(text.text, media_type)
    if escape is None:
        return
    for value in text.unescaped(escape):
        yield (
            f'{{{{ {value} }}}} goes into {_LANGUAGES[escape]} as it is, and a mark such as & or " in the value would '
            f"break or change the body; write {{{{ {value} | {escape} }}}}, or | raw where it is escaped already"
        )


def _filter_for(text: str, media_type: str | None) -> str | None:
    """The filter that escapes for a media type; for what the text looks like where no type is given."""
    if media_type is None:
        start = text.lstrip()
        if start.startswith("<"):
            return "xml"
        return "json" if re.match(r'\{\s*"|\[', start) else None
    kind = media_type.partition(";")[0].strip().lower()
    if "xml" in kind or "html" in kind:
        return "xml"
    if kind == "application/x-www-form-urlencoded":
        return "urlencode"
    return "json" if "json" in kind else None
