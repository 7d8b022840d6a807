"""What is in the demo's SAP: business partners, sales orders, stock; and how SAP writes them in OData version 2.

It takes what is well-formed, and never de-duplicates: two creates are two documents.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import quote

from airflow_integrations.demo.shop_data import ShopData

__all__ = ["MATERIAL_STOCK", "ORDERS", "PARTNERS", "Books", "Refusal", "v2_date"]

ORDERS, PARTNERS, MATERIAL_STOCK = "A_SalesOrder", "A_BusinessPartner", "A_MatlStkInAcctMod"
_ORDER_FIELDS = frozenset(
    {
        *("SalesOrderType", "SalesOrganization", "DistributionChannel", "OrganizationDivision", "SoldToParty"),
        *("PurchaseOrderByCustomer", "TransactionCurrency", "to_Item"),
    }
)
_PARTNER_FIELDS = frozenset(
    {
        *("BusinessPartnerCategory", "BusinessPartnerIDByExtSystem", "OrganizationBPName1", "FirstName", "LastName"),
        *("to_BusinessPartnerRole", "to_BusinessPartnerAddress"),
    }
)


class Refusal(Exception):
    """What SAP says to a request that it does not take: a status, a message class with number, and a text."""

    def __init__(self, status: int, code: str, text: str) -> None:
        super().__init__(text)
        self.status, self.code, self.text = status, code, text


def v2_date(moment: float) -> str:
    """https://www.odata.org/documentation/odata-version-2-0/json-format/ (2026-11)."""
    return f"/Date({round(moment * 1000)}+0000)/"


@dataclass
class Books:
    """Documents by set and key, each with its ETag and, for the checker, when it was created."""

    documents: dict[str, dict[str, dict[str, Any]]] = field(
        default_factory=lambda: {ORDERS: {}, PARTNERS: {}, MATERIAL_STOCK: {}}
    )
    created_at: dict[str, float] = field(default_factory=dict)
    """Seconds since the epoch, by set and key."""
    etags: dict[str, str] = field(default_factory=dict)
    updates: int = 0
    refusals: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        rng = random.Random(7)  # noqa: S311 - it makes up demo data, not secrets
        skus = ShopData(seed=1, start=datetime(2026, 1, 1, tzinfo=UTC), history=0).skus
        for sku in skus:
            row = {
                "Material": sku,
                "Plant": "1010",
                "StorageLocation": "101A",
                "Batch": "",
                "InventoryStockType": "01",
                "InventorySpecialStockType": "",
                "MaterialBaseUnit": "PC",
                "MatlWrhsStkQtyInMatlBaseUnit": f"{rng.randint(0, 400)}.000",
            }
            self.documents[MATERIAL_STOCK][sku] = row

    def create(self, entity_set: str, given: Any) -> dict[str, Any]:
        """The new document. Raises Refusal."""
        if not isinstance(given, dict):
            raise Refusal(400, "/IWBEP/CM_MGW_RT/021", "The request body is not an entity")
        if entity_set == ORDERS:
            document = self._order(given)
        elif entity_set == PARTNERS:
            document = self._partner(given)
        else:
            raise Refusal(405, "/IWFND/CM_MGW/096", "Method CREATE not implemented in data provider class")
        (key,) = (document[name] for name in _KEYS[entity_set])
        self.documents[entity_set][key] = document
        self.created_at[f"{entity_set}/{key}"] = time.time()
        self._touch(entity_set, key)
        return document

    def update(self, entity_set: str, key: str, given: Any, if_match: str | None) -> None:
        """Raises Refusal: 428 without If-Match, 412 for another state than the one that is there."""
        document = self.documents[entity_set].get(key)
        if document is None:
            raise Refusal(404, "SY/530", "Resource not found")
        if not if_match:
            raise Refusal(428, "/IWBEP/CM_MGW_RT/153", "The Data Services Request is required to be conditional.")
        if if_match not in ("*", self.etags[f"{entity_set}/{key}"]):
            raise Refusal(412, "/IWBEP/CM_MGW_RT/160", "Precondition failed")
        if not isinstance(given, dict) or any(isinstance(value, (dict, list)) for value in given.values()):
            raise Refusal(400, "/IWBEP/CM_MGW_RT/021", "An update takes the properties of one entity")
        known = _ORDER_FIELDS if entity_set == ORDERS else _PARTNER_FIELDS
        self._known(given, known, entity_set)
        document.update(given)
        self.updates += 1
        self._touch(entity_set, key)

    def _touch(self, entity_set: str, key: str) -> None:
        now = time.time()
        if entity_set == ORDERS:
            self.documents[entity_set][key]["LastChangeDateTime"] = v2_date(now)
        moment = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=now)).strftime("%Y-%m-%dT%H:%M:%S.%f0Z")
        self.etags[f"{entity_set}/{key}"] = f"W/\"datetimeoffset'{quote(moment)}'\""

    @staticmethod
    def _known(given: dict[str, Any], known: frozenset[str], of: str) -> None:
        for name in given:
            if name not in known:
                raise Refusal(400, "005056A509B11EE1B9A8FEC11C21578E", f"Property {name} is invalid for {of}")

    def _partner(self, given: dict[str, Any]) -> dict[str, Any]:
        self._known(given, _PARTNER_FIELDS, PARTNERS)
        if given.get("BusinessPartnerCategory") not in ("1", "2"):
            raise Refusal(400, "R11/101", "Business partner category is missing")
        external = given.get("BusinessPartnerIDByExtSystem", "")
        if not isinstance(external, str) or len(external) > 20:
            raise Refusal(400, "005056A509B11ED1BEEFF", "BusinessPartnerIDByExtSystem: 20 characters at most")
        number = str(1_000_000 + len(self.documents[PARTNERS]) + 1)
        roles = [each.get("BusinessPartnerRole") for each in _listed(given.get("to_BusinessPartnerRole"))]
        return {
            "BusinessPartner": number,
            "Customer": number if "FLCU01" in roles else "",
            **{name: value for name, value in given.items() if not name.startswith("to_")},
            "to_BusinessPartnerRole": {"results": _listed(given.get("to_BusinessPartnerRole"))},
            "to_BusinessPartnerAddress": {"results": _listed(given.get("to_BusinessPartnerAddress"))},
        }

    def _order(self, given: dict[str, Any]) -> dict[str, Any]:
        self._known(given, _ORDER_FIELDS, ORDERS)
        sold_to = self.documents[PARTNERS].get(given.get("SoldToParty") or "")
        if sold_to is None or not sold_to["Customer"]:
            raise Refusal(400, "V1/042", f"Sold-to party {given.get('SoldToParty')} not maintained for sales area")
        if len(given.get("PurchaseOrderByCustomer") or "") > 35:
            raise Refusal(400, "V1/331", "PurchaseOrderByCustomer has more than 35 characters")
        number = str(len(self.documents[ORDERS]) + 1)
        items = [self._item(place, each) for place, each in enumerate(_listed(given.get("to_Item")))]
        if not items:
            raise Refusal(400, "V1/555", "The order has no items")
        net = sum((Decimal(item["NetAmount"]) for item in items), Decimal(0))
        return {
            "SalesOrder": number,
            **{name: value for name, value in given.items() if name != "to_Item"},
            "TotalNetAmount": f"{net:.2f}",
            "OverallSDProcessStatus": "A",
            "to_Item": {"results": items},
        }

    @staticmethod
    def _item(place: int, given: dict[str, Any]) -> dict[str, Any]:
        try:
            quantity = _decimal(given["RequestedQuantity"])
            prices = [_decimal(each["ConditionRateValue"]) for each in _listed(given.get("to_PricingElement"))]
        except (KeyError, TypeError, InvalidOperation):
            raise Refusal(
                400, "CX_SXML_PARSE_ERROR/001", "Error while parsing an XML or JSON stream: a decimal is a text"
            ) from None
        return {
            "SalesOrderItem": str(10 * (place + 1)),
            "Material": given.get("Material", ""),
            "SalesOrderItemText": given.get("Material", ""),
            "RequestedQuantity": str(given["RequestedQuantity"]),
            "NetAmount": f"{sum(prices, Decimal(0)) * quantity:.2f}",
        }

    def told(self) -> dict[str, Any]:
        """What a checker has to know."""
        partners = self.documents[PARTNERS]
        return {
            "orders": [
                {
                    "reference": document["PurchaseOrderByCustomer"],
                    "number": key,
                    "total": document["TotalNetAmount"],
                    "customer": partners[document["SoldToParty"]]["BusinessPartnerIDByExtSystem"],
                    "at": self.created_at[f"{ORDERS}/{key}"],
                    "customer_at": self.created_at[f"{PARTNERS}/{document['SoldToParty']}"],
                }
                for key, document in self.documents[ORDERS].items()
            ],
            "partners": [document["BusinessPartnerIDByExtSystem"] for document in partners.values()],
            "stock": {key: row["MatlWrhsStkQtyInMatlBaseUnit"] for key, row in self.documents[MATERIAL_STOCK].items()},
            "updates": self.updates,
            "refusals": self.refusals,
        }


_KEYS = {ORDERS: ("SalesOrder",), PARTNERS: ("BusinessPartner",)}


def _listed(value: Any) -> list[dict[str, Any]]:
    """A deep insert's list, with or without ``results`` around it."""
    value = value.get("results", []) if isinstance(value, dict) else value or []
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise Refusal(400, "CX_SXML_PARSE_ERROR/001", "Error while parsing an XML or JSON stream: a list is expected")
    return value


def _decimal(value: Any) -> Decimal:
    if not isinstance(value, str):
        raise TypeError("version 2 writes decimals as texts")
    return Decimal(value)
