"""What a service's own model says of a route. The models are what SAP's CAP says of cap/shop.cds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from odata_service import ODataService

from airflow_integrations.formats import ContentError
from airflow_integrations.odata.model import EntityType, model_of
from airflow_integrations.odata.online import Placed
from airflow_integrations.route.definition import Route
from airflow_integrations.run import Services

CAP = Path(__file__).with_name("cap")
MODELS = {version: (CAP / f"metadata_v{version}.xml").read_bytes() for version in (2, 4)}
GUID = b"""<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>
<Schema Namespace="x.y" Alias="Self" xmlns="http://docs.oasis-open.org/odata/ns/edm">
<EntityType Name="Base"><Key><PropertyRef Name="id"/></Key><Property Name="id" Type="Edm.Guid"/></EntityType>
<EntityType Name="Order" BaseType="Self.Base"><Property Name="at" Type="Edm.Date"/></EntityType>
<EntityType Name="Loop" BaseType="Self.Loop"/><EntityType Name="Open" OpenType="true"/>
<Action Name="confirm"/><EntityContainer Name="c"><EntitySet Name="Orders" EntityType="Self.Order"/>
<EntitySet Name="Opens" EntityType="Self.Open"/><EntitySet Name="Loops" EntityType="Self.Loop"/>
</EntityContainer></Schema></edmx:DataServices></edmx:Edmx>"""


async def told(part: str, options: dict[str, Any], model: bytes | None, version: int = 4) -> list[Placed]:
    there = {"connection": "erp", "version": version, "entity_set": "Orders"}
    stages: dict[str, Any] = {"incoming": {"odata": there}, "outgoing": {"none": {}}}
    asked = {name: value for name, value in options.items() if name != "where"}
    looks_up = {"lookup": {"name": "found", "where": options.get("where", {}), "odata": there | asked}}
    stages |= {"transform": [looks_up]} if part == "lookup" else {part: {"odata": there | options}}
    entity = {"name": "order", "key": "order.id"}
    made = Route.load({"route": "orders", "entity": entity, "params": {"x": 1}, **stages})
    stage = made.transform[0] if part == "lookup" else getattr(made, part)
    service = ODataService(version=version, model=model)
    async with service.serving(), Services(service) as services:
        found: list[Placed] = await stage.component().check_online(stage.config, made, services)
    if part == "lookup":
        return [(place[1:] if place[0] == "odata" else place, text) for place, text in found]
    return found


@pytest.mark.parametrize("version", [2, 4])
async def test_a_route_that_fits_the_model(version: int) -> None:
    reads = {
        "select": ["id", "customer", "items/sku"],
        "expand": ["items"],
        "filter": "startswith(customer, 'total or x') and (total gt @x or not (id eq 'a''b'))",
        "values": {"x": {"value": "params.x", "type": "decimal"}},
        "since": "modifiedAt" if version == 4 else {"property": "modifiedAt", "type": "datetimeoffset"},
        "order_by": ["modifiedAt", "id desc"],
    }
    assert await told("incoming", reads, MODELS[version], version) == []
    lines = {"each": "order.lines", "name": "line", "map": {"pos": "line.pos", "qty": "line.qty"}}
    body = {"id": "order.id", "total": "order.total", "items": lines}
    writes = {"key": {"id": "order.id"}, "id": "id", "body": body, "types": {"items/qty": "decimal"}}
    assert await told("outgoing", {**writes, "create_only": ["id", "items"]}, MODELS[version], version) == []
    asks = {"select": ["id", "items/sku"], "expand": ["items"]}
    assert await told("lookup", {**asks, "key": {"id": "order.id"}}, MODELS[version], version) == []
    compares = {"find": {"customer": "order.customer"}, "where": {"id": "order.ref"}}
    assert await told("lookup", {**asks, **compares}, MODELS[version], version) == []


async def test_lists_that_are_looked_into(capsys: pytest.CaptureFixture[str]) -> None:
    good = {"filter": "items/any(line: line/sku eq 'a' and line/qty gt 2) and items/$count gt 1"}
    assert await told("incoming", {**good, "expand": ["items($select=sku;$top=3)"]}, MODELS[4]) == []
    ((place, text),) = await told("incoming", {"filter": "itmes/any(line: line/sku eq 'a')"}, MODELS[4])
    assert place == ("filter",)
    assert "did you mean 'items'" in text


@pytest.mark.parametrize("version", [2, 4])
@pytest.mark.parametrize(
    ("part", "options", "place", "says"),
    [
        ("incoming", {"entity_set": "Order"}, ("entity_set",), "unknown entity set 'Order', did you mean 'Orders'"),
        ("incoming", {"select": ["id", "custmer"]}, ("select", 1), "did you mean 'customer'"),
        ("incoming", {"select": ["items/sqty"]}, ("select", 0), "unknown property 'sqty'"),
        ("incoming", {"expand": ["item"]}, ("expand", 0), "did you mean 'items'"),
        ("incoming", {"order_by": ["ID desc"]}, ("order_by", 0), "unknown property 'ID'"),
        ("incoming", {"since": "modified"}, ("since",), "did you mean 'modifiedAt'"),
        ("incoming", {"filter": "totl gt 5"}, ("filter",), "did you mean 'total'"),
        ("incoming", {"filter": "startswith(custmer, 'a')"}, ("filter",), "did you mean 'customer'"),
        (
            "incoming",
            {"filter": "total gt @x", "values": {"x": {"value": "params.x", "type": "guid"}}},
            ("values", "x"),
            "total is Edm.Decimal; its type is decimal or double or int or int64 here, not guid",
        ),
        ("outgoing", {"key": {"ID": "order.id"}}, ("key", "ID"), "unknown property 'ID'"),
        ("outgoing", {"key": {"customer": "order.id"}}, ("key",), "the key is id"),
        ("outgoing", {"find": {"custmer": "order.id"}, "id": "id"}, ("find", "custmer"), "did you mean 'customer'"),
        ("outgoing", {"operation": "create", "id": "nr"}, ("id",), "unknown property 'nr'"),
        ("outgoing", {"operation": "create", "body": {"totel": "order.id"}}, ("body", "totel"), "'total'"),
        (
            "outgoing",
            {"operation": "create", "body": {"items": {"each": "order.lines", "name": "l", "map": {"skuu": "l.sku"}}}},
            ("body", "items", "map", "skuu"),
            "did you mean 'sku'",
        ),
        ("lookup", {"entity_set": "Order", "key": {"id": "order.id"}}, ("entity_set",), "did you mean 'Orders'"),
        ("lookup", {"key": {"ID": "order.id"}}, ("key", "ID"), "unknown property 'ID'"),
        ("lookup", {"key": {"customer": "order.id"}}, ("key",), "the key is id"),
        ("lookup", {"find": {"custmer": "order.id"}}, ("find", "custmer"), "did you mean 'customer'"),
        (
            "lookup",
            {"find": {"total": {"value": "order.x", "type": "guid"}}},
            ("find", "total"),
            "total is Edm.Decimal; its type is decimal or double or int or int64 here, not guid",
        ),
        ("lookup", {"key": {"id": "order.id"}, "select": ["id", "custmer"]}, ("select", 1), "'customer'"),
        (
            "lookup",
            {"find": {"customer": "order.customer"}, "where": {"custmer": "order.customer"}},
            ("where", "custmer"),
            "did you mean 'customer'",
        ),
        ("lookup", {"key": {"id": "order.id"}, "expand": ["item"]}, ("expand", 0), "did you mean 'items'"),
        ("outgoing", {"operation": "create", "types": {"total": "date"}}, ("types", "total"), "total is Edm.Decimal"),
        ("outgoing", {"operation": "create", "create_only": ["ids"]}, ("create_only", 0), "did you mean 'id'"),
        ("outgoing", {"operation": "action", "action": "confirm"}, ("action",), "unknown action 'confirm'"),
    ],
)
async def test_what_the_model_does_not_have(
    version: int, part: str, options: dict[str, Any], place: tuple[Any, ...], says: str
) -> None:
    if version == 2 and "date" in str(options.get("types")):
        options = {**options, "types": {"total": "datetime"}}
    found = await told(part, options, MODELS[version], version)
    assert [found_place for found_place, _ in found] == [place]
    assert says in found[0][1]


async def test_a_text_is_no_guid_and_a_base_has_the_key() -> None:
    ((place, text),) = await told("outgoing", {"key": {"id": "order.id"}, "body": {"at": "order.at"}}, GUID)
    assert place == ("key", "id")
    assert text == "the service's model: id is Edm.Guid; write {value: order.id, type: guid}"
    typed = {"id": {"value": "order.id", "type": "guid"}}
    assert await told("outgoing", {"key": typed, "body": {"at": "order.at"}}, GUID) == []
    ((place, text),) = await told("lookup", {"find": {"id": "order.id"}}, GUID)
    assert (place, text) == (("find", "id"), "the service's model: id is Edm.Guid; write {value: order.id, type: guid}")
    assert await told("lookup", {"key": typed}, GUID) == []
    assert await told("incoming", {"entity_set": "Opens", "select": ["anything"]}, GUID) == []


@pytest.mark.parametrize("said", [None, b"<html/>", b"no XML", b"<a><b></a>"])
async def test_a_service_without_a_model_is_told(said: bytes | None) -> None:
    ((place, text),) = await told("incoming", {}, said)
    assert place == ()
    assert "the Connection's address has to be the root of the service" in text


def test_a_model_that_means_harm_is_refused_or_ends() -> None:
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><edmx:Edmx xmlns:edmx="u">&b;</edmx:Edmx>'
    with pytest.raises(ContentError):
        model_of(bomb)
    assert isinstance(model_of(GUID).type_of("Loops"), EntityType)
