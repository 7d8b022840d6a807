"""Amounts by the digits that their currency has (ISO 4217)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from airflow_integrations.config.suggestions import continued
from airflow_integrations.errors import EntityError
from airflow_integrations.expressions.evaluation.guards import kind_of
from airflow_integrations.expressions.functions.catalogue import function
from airflow_integrations.expressions.functions.numbers import check_rounding, decimal_, integer

__all__ = ["DIGITS", "from_minor_units", "minor_units", "money"]

_NONE = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_TWO = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY "
    "COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF "
    "IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR "
    "MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG "
    "SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES "
    "WST XCD XCG YER ZAR ZMW ZWG BOV CHE CHW COU MXV USN"
)
_WITHDRAWN = "ANG BGN CUC HRK LTL LVL EEK MRO SLL STD VEF ZMK ZWL"
"""Currencies of the last fifteen years, which old orders still have."""
DIGITS: dict[str, int] = {
    **dict.fromkeys(_TWO.split(), 2),
    **dict.fromkeys(_WITHDRAWN.split(), 2),
    **dict.fromkeys(_NONE.split(), 0),
    "BYR": 0,
    **dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3),
    **dict.fromkeys(["CLF", "UYW"], 4),
}
"""ISO 4217 code to the digits behind the point, as of 1 January 2026."""


def _digits(currency: Any) -> int:
    if not isinstance(currency, str):
        raise EntityError(f"the currency is a code such as EUR, and this is {kind_of(currency)}")
    digits = DIGITS.get(currency.strip().upper())
    if digits is None:
        raise EntityError("the currency is not a code of ISO 4217, such as EUR or JPY")
    return digits


def _known(constants: dict[str, Any], given: Any) -> None:
    currency = constants.get("currency")
    if isinstance(currency, str) and currency.strip().upper() not in DIGITS:
        raise ValueError(f"unknown currency {currency!r}{continued(currency, DIGITS)}")
    check_rounding(constants, given)


@function("Money", returns="number", reads="little", checked=_known)
def money(value: Any, currency: str, rounding: str = "half_even") -> Decimal:
    """An amount rounded to the digits of its currency: `money(order.total, order.currency)` has two in EUR, none in
    JPY, three in KWD. `rounding`: half_even, half_up, down, up, floor or ceiling."""
    return decimal_(value, _digits(currency), rounding)


@function("Money", returns="number", reads="little", checked=_known)
def minor_units(value: Any, currency: str) -> int:
    """An amount in the smallest unit of its currency, as payment services count: 1990 for 19.90 EUR. An error where it
    has more digits than the currency; `money()` rounds it first."""
    moved = decimal_(value).scaleb(_digits(currency))
    if moved != moved.to_integral_value():
        raise EntityError("the amount has more digits than its currency; write minor_units(money(…), …)")
    return integer(moved)


@function("Money", returns="number", reads="little", checked=_known)
def from_minor_units(value: Any, currency: str) -> Decimal:
    """The amount that a whole number of the currency's smallest unit is: 19.90 for 1990 and EUR, 1990 for JPY."""
    return Decimal(integer(value)).scaleb(-_digits(currency))
