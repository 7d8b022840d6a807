"""Mistakes in the texts of a request: credentials, whole addresses, and placeholders of other tools."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from urllib.parse import unquote

from airflow_integrations.config.credentials import carries_credentials, credentials_remedy, is_always_credentials
from airflow_integrations.expressions import Template
from airflow_integrations.window import AIRFLOW_ALIASES

__all__ = ["request_mistakes"]

_OF_THE_RUN = frozenset({"params", "var", "window"})
_ADDRESS = re.compile(r"\s*[A-Za-z][A-Za-z0-9+.\-]*://[^/?#]*")
_HELD = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_PLACEHOLDERS = (
    re.compile(r"\$\{\s*([A-Za-z_$][\w.$]*)\s*\}"),  # shells, n8n, Meltano
    re.compile(r"#\[\s*([A-Za-z_][\w.]*)\s*\]"),  # MuleSoft
    re.compile(r"(?<![\w$])\$\{?(json|payload|body|record|item|order)\.([A-Za-z_]\w*)"),
)
_PATH_PLACEHOLDERS = (
    re.compile(r"\{\s*([A-Za-z_][\w.\-]*)\s*\}"),  # OpenAPI, dlt
    re.compile(r"(?<=/):([A-Za-z_]\w*)(?=/|$)"),  # web frameworks
    re.compile(r"<\s*(?:\w+:)?([A-Za-z_][\w.]*)\s*>"),
)


def request_mistakes(template: Template, name: str, root: str | None, visible: Collection[str]) -> Iterator[str]:
    """What is wrong with a path, a query parameter or a header called ``name``.

    ``visible`` are the names that it may read; ``root`` is the one whose fields a value most likely comes from.
    """
    if template.flavor in ("header", "query"):
        if carries_credentials(name) and (is_always_credentials(name) or not _is_data(template, visible)):
            yield credentials_remedy(name, query=template.flavor == "query")
    elif template.flavor == "path":
        yield from _path_mistakes(template)
    yield from _placeholders(template, root, visible)


def _is_data(template: Template, visible: Collection[str]) -> bool:
    """Whether a value is made of what is transferred: a field called ``token`` is not a credential of ours."""
    return bool((template.names & set(visible)) - _OF_THE_RUN - AIRFLOW_ALIASES)


def _path_mistakes(template: Template) -> Iterator[str]:
    fixed = _HELD.sub("", template.text)
    if found := _ADDRESS.match(template.text):
        rest = template.text[found.end() :] or "/"
        yield f"the address belongs to the Connection, and a path follows it; write {rest if len(rest) < 80 else '/…'}"
    for pair in fixed.partition("#")[0].partition("?")[2].split("&"):
        name = unquote(pair.partition("=")[0])
        if carries_credentials(name):
            yield credentials_remedy(name, query=True)


def _placeholders(template: Template, root: str | None, visible: Collection[str]) -> Iterator[str]:
    fixed = _HELD.sub("", template.text)
    patterns: tuple[re.Pattern[str], ...] = () if template.flavor == "text" else _PLACEHOLDERS
    if template.flavor == "path":
        patterns += _PATH_PLACEHOLDERS
    elif root is not None:
        patterns += (re.compile(rf"(?<!\$)\{{\s*({re.escape(root)}(?:\.\w+)+)\s*\}}"),)
    for pattern in patterns:
        if found := pattern.search(fixed.partition("?")[0] if pattern in _PATH_PLACEHOLDERS else fixed):
            words = found.group(found.lastindex or 1)
            value = words if "." in words or words in visible else f"{root or 'params'}.{words}"
            yield f"{found[0]} would be sent as it stands; values stand in {{{{ }}}}: write {{{{ {value} }}}}"
            return
