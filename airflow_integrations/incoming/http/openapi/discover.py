"""The lists of an API by its OpenAPI document; where the records are, how pages follow, and the key are guesses."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_integrations.discovery import Bounds, Collection, Discovery
from airflow_integrations.discovery.guesses import cursor_candidates, guessed_key
from airflow_integrations.errors import SetupError
from airflow_integrations.incoming.http.openapi.document import OpenApi, read_document
from airflow_integrations.incoming.http.openapi.guesses import asks_for_changes, paging, records_of

if TYPE_CHECKING:
    from airflow_integrations.run import Services

__all__ = ["discovered", "document_of"]

PATHS = ("/openapi.json", "/swagger.json", "/v3/api-docs", "/openapi.yaml")
"""Where an API may have its document, where nobody says it."""
MOST = 32 * 1024 * 1024
"""Bytes of a document."""


async def discovered(connection: str, place: str | None, services: Services, bounds: Bounds) -> Discovery | str:
    """The lists; why there is no document. ``place``: a file's name or a path of the Connection's address, with ``#``
    and a path of the API for one list."""
    name, _, wanted = (place or "").partition("#")
    found = await document_of(connection, name or None, services)
    if isinstance(found, str):
        return found
    document, name = found
    made = []
    for path, operation, parameters in document.operations("get"):
        if (not wanted or path == wanted) and (one := _list(document, name, path, operation, parameters, bounds)):
            made.append(one)
    if wanted and not made:
        raise SetupError(f"{name} describes no list at {wanted}")
    if bounds.after is not None:
        made = [each for each in made if each.name > bounds.after]
    return Discovery("http", tuple(made[: bounds.most]), left_out=max(len(made) - bounds.most, 0))


async def document_of(connection: str, place: str | None, services: Services) -> tuple[OpenApi, str] | str:
    """The document and where it is; or why there is none. Raises what the client raises."""
    if place is not None and "://" in place:
        raise SetupError(f"write the path alone, such as {PATHS[0]}: only the Connection's own address is asked")
    if place is not None and (file := Path(place)).is_file():
        content = await asyncio.to_thread(_read, file)
        found = read_document(content, place)
        return (found, place) if found is not None else f"{place} is no OpenAPI document"
    if place is not None and not place.startswith("/"):
        return f"no such file: {place}"
    from airflow_integrations.http import Request

    client = await services.client(connection)
    said = []
    for path in PATHS if place is None else (place,):
        answer = await client.send(Request("GET", path, (), {"Accept": "application/json, */*"}))
        found = read_document(answer.content, path) if 200 <= answer.status < 300 else None
        if found is not None:
            return found, path
        said.append(f"GET {path}: {answer.status}" + (", no OpenAPI document" if answer.status < 300 else ""))
    return "; ".join(said)


def _read(file: Path) -> bytes:
    if file.stat().st_size > MOST:
        raise SetupError(f"{file} has over {MOST:,} bytes, which is more than is read of a document")
    try:
        return file.read_bytes()
    except OSError as error:
        raise SetupError(f"{file} cannot be read: {error.strerror}") from None


def _list(
    document: OpenApi,
    name: str,
    path: str,
    operation: Mapping[str, Any],
    parameters: list[Mapping[str, Any]],
    bounds: Bounds,
) -> Collection | None:
    schema, headers = document.answer(operation)
    found = records_of(document, schema)
    if found is None:
        return None
    records, of_record = found
    query = {str(each.get("name")): each for each in parameters if each.get("in") == "query"}
    fields = document.fields(of_record, bounds.fields)
    key = guessed_key(fields)
    style = paging(query, document.fields(schema, bounds.fields), headers)
    about = {"paging": str(style["style"]) if style else "none seen", "records": records}
    if changes := asks_for_changes(query):
        about["asks for changes by"] = changes
    needs = [
        str(each.get("name")) for each in parameters if each.get("required") is True and each.get("in") != "header"
    ]
    incoming: dict[str, Any] | None = {"path": path, "records": records}
    if style:
        incoming = {**(incoming or {}), "pagination": style}
    if needs:
        about["needs"], incoming = ", ".join(needs), None
    return Collection(
        f"{name}#{path}",
        "list",
        fields,
        key,
        tuple(cursor_candidates(fields, key, None, ())),
        guessed=("records", "paging", *(("key",) if key else ())),
        about=about,
        incoming=incoming,
    )
