"""Guess by names where an answer has its records, how the next page is asked for, and what asks for changes."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from airflow_integrations.discovery import DiscoveredField
from airflow_integrations.incoming.http.openapi.document import OpenApi

__all__ = ["asks_for_changes", "paging", "records_of"]

_CURSORS = ("cursor", "after", "starting_after", "page_token", "pagetoken", "next_token", "continuation_token")
_NEXT = ("next_cursor", "nextcursor", "next_page_token", "nextpagetoken", "next_token", "cursor", "continuation_token")
_URLS = ("next", "next_url", "nexturl", "next_page_url", "nextlink", "next_link")
_PAGES = ("page", "page_number", "pagenumber", "pageno")
_OFFSETS = ("offset", "skip", "start")
_SIZES = ("limit", "per_page", "perpage", "page_size", "pagesize", "size", "count", "top")
_CHANGES = re.compile(r"(?:updated|modified|changed)_?(?:since|after|from|at_?min|gte?)|since", re.IGNORECASE)
SIZE = 100
_WORD = re.compile(r"[A-Za-z_]\w*")


def records_of(document: OpenApi, schema: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]] | None:
    """The expression that gives the records, and the schema of one; None for an answer without a list of objects."""
    if schema.get("type") == "array":
        inner = document.whole(schema.get("items"))
        return ("body", inner) if "properties" in inner else None
    properties = schema.get("properties")
    found = []
    for name, each in properties.items() if isinstance(properties, Mapping) else ():
        one = document.whole(each)
        inner = document.whole(one.get("items"))
        if one.get("type") == "array" and "properties" in inner and _WORD.fullmatch(str(name)):
            found.append((f"body.{name}", inner))
    usual = ("body.data", "body.items", "body.results", "body.records", "body.value", "body.content")
    preferred = [each for each in found if each[0] in usual]
    # an object with one list of objects may be a record of its own, such as an order with its lines
    lonely = len(found) == 1 and len(properties or ()) <= 8 and not _has_key(properties or ())
    return preferred[0] if preferred else found[0] if lonely else None


def _has_key(names: Iterable[str]) -> bool:
    return bool({"id", "uuid", "number"} & {str(name).lower() for name in names})


def paging(
    query: Collection[str], answer: Iterable[DiscoveredField], headers: Collection[str]
) -> dict[str, Any] | None:
    """The options of ``pagination``; None where nothing tells."""
    told = {field.name.lower(): field.name for field in answer if _WORD.fullmatch(field.name)}
    asked = {name.lower(): name for name in query}
    size: dict[str, Any] = {}
    if limit := _first(asked, _SIZES):
        size = {"size": SIZE, "size_param": limit}
    if (param := _first(asked, _CURSORS)) and (found := _first(told, _NEXT)):
        return {"style": "cursor", "next": f"body.{found}", "param": param}
    if found := _first(told, _URLS):
        return {"style": "next_url", "next": f"body.{found}"}
    if any(str(name).lower() == "link" for name in headers):
        return {"style": "link"}
    if param := _first(asked, _PAGES):
        return {"style": "page", "param": param, **size}
    if (param := _first(asked, _OFFSETS)) and size:
        return {"style": "offset", "param": param, **size}
    return None


def asks_for_changes(query: Iterable[str]) -> str | None:
    """The parameter by which an API gives only what was changed."""
    return next((name for name in query if _CHANGES.search(name)), None)


def _first(names: Mapping[str, str], wanted: Iterable[str]) -> str | None:
    return next((names[name] for name in wanted if name in names), None)
