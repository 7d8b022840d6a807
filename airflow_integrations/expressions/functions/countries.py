"""Country groups, by ISO 3166-1 alpha-2 code. Membership as of 1 January 2026; none has changed since Brexit (2020).

Northern Ireland (XI) trades in goods under the Union's VAT and customs rules but belongs to no group here: it has
its own :func:`in_eu_goods`. Greece may be written GR, or EL as VAT numbers do.
"""

from __future__ import annotations

from typing import Any

from airflow_integrations.errors import EntityError
from airflow_integrations.expressions.functions.catalogue import function

__all__ = ["EEA", "EFTA", "EU", "in_eea", "in_efta", "in_eu", "in_eu_goods"]

# fmt: off
EU = frozenset({
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU",
    "IE", "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK",
})
# fmt: on
"""Treaty on European Union; 27 members since the United Kingdom left on 31 January 2020."""
EFTA = frozenset({"CH", "IS", "LI", "NO"})
EEA = EU | {"IS", "LI", "NO"}


def _code(value: Any) -> str:
    if value is None:
        raise EntityError("the country is missing")
    if type(value) is not str:
        raise EntityError("a country is its two-letter code, a text")
    code = value.strip().upper()
    if not code:
        raise EntityError("the country is missing")
    if len(code) != 2 or not code.isascii() or not code.isalpha():
        raise EntityError("a country is its two-letter code (ISO 3166-1), such as ES")
    return "GR" if code == "EL" else code


@function("Countries", returns="truth")
def in_eu(code: Any) -> bool:
    """Whether the country is a member of the European Union (27 states, since 2020). Northern Ireland (XI) is not."""
    return _code(code) in EU


@function("Countries", returns="truth")
def in_eea(code: Any) -> bool:
    """Whether the country is in the European Economic Area: the EU, Iceland, Liechtenstein, Norway."""
    return _code(code) in EEA


@function("Countries", returns="truth")
def in_efta(code: Any) -> bool:
    """Whether the country is in EFTA: Iceland, Liechtenstein, Norway, Switzerland."""
    return _code(code) in EFTA


@function("Countries", returns="truth")
def in_eu_goods(code: Any) -> bool:
    """Whether goods sent there stay under the EU's VAT rules: the EU and Northern Ireland (XI)."""
    found = _code(code)
    return found in EU or found == "XI"
