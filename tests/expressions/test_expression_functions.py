"""The functions of expressions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from airflow_integrations.errors import EntityError
from airflow_integrations.expressions import Expression
from airflow_integrations.expressions.functions import CATALOGUE, moments
from airflow_integrations.expressions.functions.countries import EEA, EU


def value(text: str, **names: Any) -> Any:
    return Expression(text).compile()(names)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("decimal('19.90')", Decimal("19.90")),
        ("decimal(3)", Decimal(3)),
        ("decimal('1e3', exponent=True)", Decimal("1e3")),
        ("decimal('1.5E-7')", Decimal("1.5E-7")),
        ("decimal('1.25E+2')", Decimal("1.25E+2")),
        ("integer('4.00638E+12', exponent=True)", 4006380000000),
        ("integer('0E-8')", 0),
        ("decimal('2.675', 2)", Decimal("2.68")),
        ("decimal('2.665', 2)", Decimal("2.66")),
        ("decimal('2.665', 2, 'half_up')", Decimal("2.67")),
        ("decimal('-2.665', 2, rounding='down')", Decimal("-2.66")),
        ("integer('42')", 42),
        ("integer(42.0)", 42),
        ("round(2.5)", 2),
        ("round(3.5)", 4),
        ("round(2.675, 2)", Decimal("2.68")),
        ("round(1234, -2)", 1200),
        ("round(7)", 7),
        ("abs(-1.5)", Decimal("1.5")),
        ("sum([1, 2.5])", Decimal("3.5")),
        ("sum([])", 0),
        ("min([3, 1])", 1),
        ("max(3, 1.5)", 3),
        ("min([], default=0)", 0),
        ("text(1.50)", "1.50"),
        ("text(True)", "true"),
        ("text('x')", "x"),
        ("replace('a-b', '-', '+')", "a+b"),
        ("slug('Größe 42!')", "grosse-42"),
        ("slug('É à', '_')", "e_a"),
        ("parse_json('{\"n\": 12345678901234567890.10}').n", Decimal("12345678901234567890.10")),
        ("parse_json('[1, null]')", [1, None]),
        ("matches('ABC-1', '^[A-Z]{3}-')", True),
        ("matches('abc', '^[A-Z]')", False),
        ("matches('a1', r'\\d')", True),
        ("json({'a': [1.50, None]})", '{"a":[1.50,null]}'),
        ("sorted([3, 1], reverse=True)", [3, 1]),
        ("sort_by([{'p': 2}, {}, {'p': 1}], 'p')", [{"p": 1}, {"p": 2}, {}]),
        ("reversed([1, 2])", [2, 1]),
        ("range(3)", [0, 1, 2]),
        ("range(1, 6, 2)", [1, 3, 5]),
        ("unique(['b', 'a', 'b'])", ["b", "a"]),
        ("first([1, 2])", 1),
        ("first([], 9)", 9),
        ("first(None)", None),
        ("last([1, 2])", 2),
        ("keys({'a': 1})", ["a"]),
        ("values({'a': 1})", [1]),
        ("get({'a': None}, 'a', 3)", 3),
        ("get(None, 'a')", None),
        ("values([])", []),
        ("keys([])", []),
        ("items([])", []),
        ("get([], 'a', 1)", 1),
        ("required(0, 'no quantity')", 0),
        ("required('a', 'why')", "a"),
        ("one([p for p in ['a', 'b'] if p == 'b'], 'unknown')", "b"),
        ("coalesce(None, 0, 1)", 0),
        ("coalesce(None)", None),
        ("len('abc') + len([1]) + len({'a': 1})", 5),
        ("sha256('a')", "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"),
        ("md5('a')", "0cc175b9c0f1b6a831c399e269772661"),
        ("uuid5('https://example.com/1')", "a4f8d4de-0b4c-5bd5-8f51-a2f6b7b7b5a0"),
        ("in_eu('es') and in_eu(' EL ') and in_eu('GR')", True),
        ("in_eu('GB') or in_eu('XI') or in_eu('ZZ') or in_eu('CH')", False),
        ("in_eu_goods('XI') and in_eea('NO') and in_efta('CH')", True),
        ("in_eea('CH') or in_efta('ES')", False),
        ("date('2026-01-31')", "2026-01-31"),
        ("date('2026-01-31T23:30:00-05:00')", "2026-01-31"),
        ("date('31/01/2026', format='DD/MM/YYYY')", "2026-01-31"),
        ("moment('2026-01-31T10:00:00+01:00')", "2026-01-31T09:00:00Z"),
        ("moment('2026-07-01 10:00', tz='Europe/Madrid')", "2026-07-01T08:00:00Z"),
        ("moment('01.07.2026 10:00', format='DD.MM.YYYY HH:mm', tz='Europe/Madrid')", "2026-07-01T08:00:00Z"),
        ("moment('20260131T100000Z')", "2026-01-31T10:00:00Z"),
        ("moment('31/01/2026 10:00 +0500', format='DD/MM/YYYY HH:mm Z')", "2026-01-31T05:00:00Z"),
        ("moment('31/01/2026 10:00 +05:00', tz='Europe/Madrid', format='DD/MM/YYYY HH:mm ZZ')", "2026-01-31T05:00:00Z"),
        ("moment('31/01/2026 10:00 Z', tz='Europe/Madrid', format='DD/MM/YYYY HH:mm Z')", "2026-01-31T10:00:00Z"),
        ("moment('31/01/2026 10:00 America/Lima', format='DD/MM/YYYY HH:mm z')", "2026-01-31T15:00:00Z"),
        ("moment('2026-01-31T10:00Z', tz='UTC', format='YYYY-MM-DD[T]HH:mm[Z]')", "2026-01-31T10:00:00Z"),
        ("moment('Sat, 31 Jan 2026 10:00:00 +0100')", "2026-01-31T09:00:00Z"),
        ("moment('31 Jan 2026 10:00 EST', tz='Europe/Madrid')", "2026-01-31T15:00:00Z"),
        ("moment('Sat, 31 Jan 2026 10:00:00 GMT')", "2026-01-31T10:00:00Z"),
        ("moment('Sat, 31 Jan 2026 10:00:00 -0000')", "2026-01-31T10:00:00Z"),
        ("date('Sat, 31 Jan 2026 23:00:00 -0500')", "2026-01-31"),
        ("moment('2026-10-25T02:30:00', tz='Europe/Madrid')", "2026-10-25T00:30:00Z"),
        ("moment('2026-10-25T02:30:00+01:00', tz='Europe/Madrid')", "2026-10-25T01:30:00Z"),
        ("from_unix(1769900700)", "2026-01-31T23:05:00Z"),
        ("from_unix(1769900700.25)", "2026-01-31T23:05:00.250000Z"),
        ("unix('2026-01-31T23:05:00Z')", 1769900700),
        ("format(date('2026-01-31'), 'DD/MM/YYYY')", "31/01/2026"),
        ("add(date('2026-01-31'), months=1)", "2026-02-28"),
        ("add(moment('2026-03-28T12:00:00Z'), days=1, hours=-1)", "2026-03-29T11:00:00Z"),
        ("days_between('2026-01-31', '2026-02-02')", 2),
        ("days_between(date('2026-02-02'), moment('2026-01-31T10:00:00Z'))", -2),
    ],
)
def test_gives(text: str, expected: Any) -> None:
    if text.startswith("uuid5"):
        import uuid

        expected = str(uuid.uuid5(uuid.NAMESPACE_URL, "https://example.com/1"))
    assert value(text) == expected
    assert type(value(text)) is type(expected)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("decimal(x)", "not a number"),
        ("decimal(True)", "only text and numbers"),
        ("integer('1e2000')", "digits"),
        ("integer('abc')", "not a number"),
        ("integer('4.00638E+12')", "exponent=True"),
        ("integer('1e3')", "exponent=True"),
        ("decimal('4.00638e12')", "exponent=True"),
        ("decimal('4.00638E+12', 2)", "exponent=True"),
        ("required(None, 'unknown product')", "unknown product"),
        ("required('', f'unknown product {x}')", "unknown product 1_000"),
        ("one([], 'unknown product')", "unknown product (none found)"),
        ("one(None, 'unknown product')", "unknown product (none found)"),
        ("one([None], 'unknown product')", "unknown product (none found)"),
        ("one([1, 2], 'unknown product')", "unknown product (2 found"),
        ("moment('31 Jan 2026 10:00', format='DD/MM/YYYY')", "not a date written"),
        ("moment('31/01/2026 10:00', format='DD/MM/YYYY HH:mm')", "names no time zone"),
        ("moment('Sat, 31 Jan 2026 10:00:00')", "names no time zone"),
        ("moment('Sat, 31 Jan 2026 10:00:00 CEST')", "not a date"),
        ("moment('2026-03-29T02:30:00', tz='Europe/Madrid')", "02:30 on 2026-03-29 does not exist in Europe/Madrid"),
        ("moment('29/03/2026 02:30 Europe/Madrid', format='DD/MM/YYYY HH:mm z')", "does not exist"),
        ("round('1.5')", "write decimal"),
        ("in_eu(None)", "the country is missing"),
        ("in_eu('')", "the country is missing"),
        ("in_eu('Spain')", "two-letter code"),
        ("in_eu(34)", "two-letter code"),
        ("date('12:30')", "not a date"),
        ("date('yesterday')", "ISO 8601"),
        ("date(20260131)", "read from text"),
        ("date('31/01/2026')", "format="),
        ("moment('2026-01-31T10:00:00')", "names no time zone"),
        ("moment('2026-01-31T10:00:00', tz=zone)", "time zone is unknown"),
        ("from_unix(1769900700000)", "milliseconds"),
        ("add(date('2026-01-31'), hours=1)", "no hours"),
        ("add(date('9999-12-31'), days=1)", "out of range"),
        ("format('2026-01-31', 'YYYY')", "moment("),
        ("unique([{}])", "texts and numbers"),
        ("len(3)", "a number"),
        ("keys([1])", "a list"),
        ("matches(3, 'a')", "takes a text"),
        ("uuid5('a', 'nope')", "dns"),
        ("replace('a', 3, 'b')", "a text by a text"),
        ("', '.join([1])", "text(x)"),
        ("', '.join([None])", "missing"),
    ],
)
def test_refuses(text: str, words: str) -> None:
    with pytest.raises(EntityError) as caught:
        value(text, x="1_000", zone="Mars/X")
    assert words in caught.value.reason


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-inf", "1_000", "١٢", "", " ", "1,5", "0x10", "sNaN"])
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(EntityError, match="not a number"):
        value("decimal(x)", x=text)


def test_country_groups() -> None:
    assert len(EU) == 27
    assert len(EEA) == 30
    assert not EU & {"GB", "UK", "CH", "NO", "XI", "EL"}


def test_every_function_is_documented_and_has_no_clock() -> None:
    assert all(function.doc and function.usage().startswith(f"{name}(") for name, function in CATALOGUE.items())
    assert not {"now", "today", "utcnow", "random", "eval", "open", "getattr", "type"} & set(CATALOGUE)


@given(
    local=st.datetimes(datetime(2024, 1, 1), datetime(2027, 12, 31)),
    later=st.timedeltas(timedelta(0), timedelta(hours=3)),
    zone=st.sampled_from(["Europe/Madrid", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca"]),
)
@example(datetime(2026, 3, 29, 2, 30), timedelta(minutes=40), "Europe/Madrid")
def test_local_times_keep_their_order_but_where_the_clock_shows_them_twice(
    local: datetime, later: timedelta, zone: str
) -> None:
    found = []
    for clock in (local, local + later):
        if (
            clock.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
            != clock
        ):
            with pytest.raises(EntityError, match="does not exist"):
                moments.moment(clock.isoformat(), tz=zone)
            return
        found.append(moments.moment(clock.isoformat(), tz=zone))
        assert found[-1].in_tz(zone).replace(tzinfo=None) == clock
        if clock.replace(tzinfo=ZoneInfo(zone)).utcoffset() != clock.replace(tzinfo=ZoneInfo(zone), fold=1).utcoffset():
            return
    assert found[0] <= found[1]
