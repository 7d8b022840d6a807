"""What there is at an OData service, by its own model."""

from __future__ import annotations

from typing import Any

import pytest
from odata_service import ODataService
from test_odata_online import MODELS

from airflow_integrations.discovery import Bounds, Discovery
from airflow_integrations.errors import SetupError
from airflow_integrations.incoming.odata.options import ODataIncomingConfig
from airflow_integrations.incoming.odata.source import ODataIncoming
from airflow_integrations.run import Services


async def look(model: bytes | None, place: str | None = None, **bounds: Any) -> Discovery | str:
    service = ODataService(model=model)
    async with service.serving(), Services(service) as services:
        return await ODataIncoming.discover("erp", place, services, Bounds(**bounds))


@pytest.mark.parametrize("version", [2, 4])
async def test_entity_sets_with_keys_types_and_navigations(version: int) -> None:
    found = await look(MODELS[version])
    assert isinstance(found, Discovery)
    orders = next(each for each in found.collections if each.name == "Orders")
    assert orders.key == ("id",)
    by_name = {field.name: field for field in orders.fields}
    assert by_name["total"].meaning == "number"
    assert by_name["items"].leads_to
    assert orders.cursors[0].field == "modifiedAt"
    assert orders.incoming is not None
    ODataIncomingConfig.model_validate({"connection": "erp", **orders.incoming})
    assert orders.incoming.get("version", 4) == version
    one = await look(MODELS[version], "Orders")
    assert isinstance(one, Discovery)
    assert one.collections == (orders,)


async def test_pages_names_that_are_not_there_and_what_is_no_service() -> None:
    found = await look(MODELS[4], most=1)
    assert isinstance(found, Discovery)
    assert found.left_out > 0
    with pytest.raises(SetupError, match="did you mean 'Orders'"):
        await look(MODELS[4], "Order")
    assert "404" in str(await look(None))
    assert isinstance(await look(b"<html>no</html>"), str)
