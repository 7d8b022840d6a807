"""What there is at an OData service, by its own model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from airflow_integrations.discovery import Bounds, Collection, DiscoveredField, Discovery, Meaning
from airflow_integrations.discovery.guesses import cursor_candidates
from airflow_integrations.errors import SetupError
from airflow_integrations.odata.model import EntityType, ServiceModel
from airflow_integrations.odata.online import asked_model

if TYPE_CHECKING:
    from airflow_integrations.http import HttpClient

__all__ = ["discovered"]

_MEANINGS: dict[str, Meaning] = {
    "Edm.Boolean": "boolean",
    "Edm.DateTimeOffset": "datetime",
    "Edm.DateTime": "datetime",
    "Edm.Date": "date",
    "Edm.TimeOfDay": "time",
    "Edm.Time": "time",
    "Edm.Binary": "bytes",
    **dict.fromkeys(("Edm.Byte", "Edm.SByte", "Edm.Int16", "Edm.Int32", "Edm.Int64"), "integer"),
    **dict.fromkeys(("Edm.Decimal", "Edm.Double", "Edm.Single"), "number"),
}
_TEXT = "Edm."
_SINCE = {"Edm.DateTimeOffset": "datetimeoffset", "Edm.DateTime": "datetime"}


async def discovered(client: HttpClient, place: str | None, bounds: Bounds) -> Discovery | str:
    """The entity sets, or the one of this name; why there are none where this is no OData service."""
    if place is not None and place.startswith("/") and place != "/$metadata":
        return f"{place} is not an entity set"
    model = await asked_model(client)
    if isinstance(model, str):
        return model
    if place is not None and "$metadata" not in place:
        found = model.type_of(place)
        if not isinstance(found, EntityType):
            raise SetupError(found)
        return Discovery("odata", (_collection(model, place, found, bounds),))
    names = [name for name in sorted(model.sets) if bounds.after is None or name > bounds.after]
    shown = []
    for name in names[: bounds.most]:
        found = model.type_of(name)
        if isinstance(found, EntityType):
            shown.append(_collection(model, name, found, bounds))
    return Discovery("odata", tuple(shown), left_out=max(len(names) - bounds.most, 0))


def _collection(model: ServiceModel, name: str, type_: EntityType, bounds: Bounds) -> Collection:
    fields = tuple(_fields(model, type_))
    cursors = tuple(cursor_candidates(fields, type_.key, None, ()))
    incoming: dict[str, Any] = {"entity_set": name}
    if model.version == 2:
        incoming["version"] = 2
    best = next((cursor.field for cursor in cursors if cursor.changes), None)
    if best is not None and (since := _SINCE.get(type_.properties[best])) is not None:
        incoming["since"] = best if since == "datetimeoffset" else {"property": best, "type": since}
    return Collection(
        name,
        "entity set",
        fields[: bounds.fields],
        type_.key,
        cursors,
        about={"OData": str(model.version)},
        incoming=incoming if type_.key else None,
        sampled={name: value for name, value in incoming.items() if name != "since"},
    )


def _fields(model: ServiceModel, type_: EntityType) -> Iterator[DiscoveredField]:
    for name, edm in type_.properties.items():
        plain = edm.startswith(_TEXT)
        meaning: Meaning = _MEANINGS.get(edm, "string") if plain else "object" if model.entity_type(edm) else "any"
        known = name in type_.not_null or name in type_.key
        yield DiscoveredField(name, edm, meaning, not known, known, length=type_.lengths.get(name))
    for name, target in type_.navigations.items():
        yield DiscoveredField(name, target, "any", apart=True, leads_to=target)
