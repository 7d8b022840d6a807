# ruff: noqa: E501  (a row of the table is read in one line)
"""Route files by attackers and by people in a hurry: each mistake is told in its place, in our words, with a remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_integrations.cli.command import FAILED
from airflow_integrations.route_files.load import check_all

INCOMING = "{connection: shop, path: /api, records: body.orders}"
GOOD = f"""\
entity: {{name: order, key: order.number}}
incoming:
  http: {INCOMING}
transform:
  - filter: order.status == "paid"
  - map:
      Number: order.number
outgoing:
  http: {{connection: erp, path: /x}}
"""
NUMBER, FILTER, PATH = "Number: order.number", 'order.status == "paid"', "path: /x"
END = "outgoing:"


BOMB = "".join(
    f"{name}: &{name} [{', '.join(['*' + before if before else 'x'] * 9)}]\n"
    for before, name in zip(["", *"abcdefg"], "abcdefgh", strict=True)
)


def paging(text: str) -> str:
    return f"{{connection: shop, path: /api, pagination: {text}}}"


NASTY = [
    (INCOMING, paging("{style: cusor}"), "3:60  incoming.http.pagination: unknown style 'cusor', did you mean 'cursor'? One of: cursor, keyset, link, next_url, none, odata, offset, page"),
    (INCOMING, paging("{next: body.n}"), "3:40  incoming.http.pagination: 'style' is missing. One of: "),
    (INCOMING, paging("cursor"), "3:52  incoming.http.pagination: expected a mapping (key: value), found the text 'cursor'"),
    (INCOMING, paging("{style: cursor, next: body.n}"), "3:40  incoming.http.pagination: 'param' is missing"),
    (INCOMING, paging("{style: next_url, next: order.n}"), "3:76  incoming.http.pagination.next: unknown name order"),
    (INCOMING, '{connection: "https://shop.example", path: /}', "3:22  incoming.http.connection: 'https://shop.example' is not allowed here; write the id of an Airflow Connection"),
    (INCOMING, '{connection: shop, path: "/{{ window.start"}', "3:34  incoming.http.path: the template cannot be read: unexpected end"),
    (INCOMING, '{connection: shop, path: "/{% for x in range(10**9) %}x{% endfor %}"}', "3:34  incoming.http.path: nothing is called in a template"),
    (INCOMING, '{connection: shop, path: "/{{ window.__class__ }}"}', '3:34  incoming.http.path: fields that begin with _ are written ["__class__"]'),
    (INCOMING, "{connection: shop, path: /api, query: {d: '{{ ds }}'}}", "3:51  incoming.http.query.d: ds is a name of Airflow's that not every run has; write window.start | date"),
    (INCOMING, "{connection: shop, path: /api, query: {d: window.start}}", "3:51  incoming.http.query.d: this is text and would be sent as it stands; for the value write {{ window.start }}"),
    ("http: " + INCOMING, "http", "3:3  incoming: incoming holds exactly one key, the kind"),
    (NUMBER, "Lines: [l.sku for l in order.lines]", '7:7  transform.1.map.Lines: a YAML list does not stand here: for one expression quote it, such as "[l.sku for l in order.lines]", or use >-'),
    (NUMBER, 'Number: "{{ order.number }}"', "7:15  transform.1.map.Number: this is an expression, not a template: write it without {{ }}: order.number"),
    (NUMBER, "Currency: EUR", "7:17  transform.1.map.Currency: unknown name EUR; for the text write {const: EUR}"),
    (NUMBER, "Number: order._id", '7:15  transform.1.map.Number: order._id: fields that begin with _ are written order["_id"]'),
    (NUMBER, 'Number: __import__("os").system("id")', '7:15  transform.1.map.Number: __import__("os").system() cannot be called'),
    (NUMBER, "Number: order.__class__.__mro__", "7:15  transform.1.map.Number: "),
    (NUMBER, 'Number: "(lambda: 1)()"', "7:15  transform.1.map.Number: only functions of the documented list can be called"),
    (NUMBER, 'Number: "(x := order.number)"', "7:15  transform.1.map.Number: `:=` is not part of expressions"),
    (NUMBER, "Number: title(order.number)", "7:15  transform.1.map.Number: unknown function title(): text has it behind a point, as in order.number.title()"),
    (NUMBER, "Number: decimla(order.number)", "7:15  transform.1.map.Number: unknown function decimla(), did you mean 'decimal'?"),
    (NUMBER, "Number: '\"{0.__class__}\".format(order)'", "7:15  transform.1.map.Number: .format() is not part of expressions; write an f-string"),
    (NUMBER, 'Number: f"WEB: {order.number}"', "7:20  a second ': ' in one value; quote the whole text, or write it below the key after >-"),
    (NUMBER, 'Number: "order.number', "7:15  the quote that opens here is never closed"),
    (NUMBER, "Number: *nope", "7:15  no anchor &nope stands above this alias"),
    (NUMBER, "Number: .nan", "7:15  .nan is not a number that data can carry; quote it if it is text"),
    (NUMBER, "Number: " + "+".join(["order.a"] * 3000), "7:15  transform.1.map.Number: the expression has 23999 characters; at most 10000 are allowed"),
    (NUMBER, 'Number: "' + "(" * 300 + "1" + ")" * 300 + '"', "7:15  transform.1.map.Number: the expression cannot be read at character 201: too many nested parentheses"),
    (NUMBER, "Lines: {each: order.lines}", "7:7  transform.1.map.Lines: each needs map: {each: order.lines, name: line, map: {Sku: line.sku}}"),
    (FILTER, 'order.status = "paid"', "5:13  transform.0.filter: the expression cannot be read at character 14: invalid syntax; write == to compare"),
    (FILTER, "order.paid == true", "5:13  transform.0.filter: write True for true"),
    ("filter:", "fliter:", "5:5  transform.0: unknown kind 'fliter', did you mean 'filter'?"),
    (PATH, "path: /x/order.number", "9:33  outgoing.http.path: this is text and would be sent as it stands; for the value write {{ order.number }}"),
    (PATH, "path: /x, method: post", "9:45  outgoing.http.method: unknown value 'post', did you mean 'POST'? One of: DELETE, PATCH, POST, PUT"),
    (PATH, 'path: /x, headers: {Authorization: "Bearer x"}', "9:47  outgoing.http.headers.Authorization: credentials belong to the Connection"),
    (PATH, 'path: /x, headers: {X-A: "a\\r\\nB: c"}', "9:52  outgoing.http.headers.X-A: a header is one line"),
    (END, "delivery: {batch: true}\n" + END, "8:19  delivery.batch: expected a whole number, found true"),
    (END, "delivery: {batch: many}\n" + END, "8:19  delivery.batch: expected a whole number, found the text 'many'"),
    (END, "paused: on\n" + END, "8:9  paused: expected true or false, found the text 'on'"),
    (END, "<<: {owner: x}\n" + END, "8:1  the merge key << is not part of YAML 1.2; share parts with use:"),
    (END, "  - validate: ../../etc/passwd\n" + END, "8:15  transform.2.validate: '../../etc/passwd' leaves the routes folder"),
    (END, "schedule: {cron: '@daily', timezone: Madrid}\n" + END, "8:38  schedule.timezone: unknown time zone 'Madrid', did you mean 'Europe/Madrid'?"),
    (END, "schedule: {every: 5 minutes}\n" + END, "8:19  schedule.every: '5 minutes' is not a duration; write it like 5m"),
    (END, END + " {none: {}}\n" + END, "9:1  the key 'outgoing' stands here twice; the first is at 8:1"),
    (GOOD, "", "1:1  the file is empty"),
    (GOOD, "- a\n", "1:1  a route file holds a mapping"),
    (GOOD, GOOD + "---\n" + GOOD, "10:1  a second document; one file holds one route"),
    (GOOD, "entity:\n\tname: x\n", "2:1  a tab character; indent with spaces"),
    (GOOD, 'entity: !!python/object/apply:os.system ["id"]\n', "1:9  tags such as tag:yaml.org,2002:python/object/apply:os.system are not allowed"),
    (GOOD, "a: " + "[" * 5000 + "]" * 5000, "1:53  nested more than 50 levels deep"),
    (GOOD, BOMB, "6:4  more than 100000 values, with all aliases written out"),
]  # fmt: skip

PYDANTICS_OWN = ("pydantic", "Value error", "Input should", "type=", "input_value", "function-", "literal[", "ctx")


@pytest.mark.parametrize(("old", "new", "expected"), NASTY, ids=[str(number) for number in range(len(NASTY))])
def test_a_nasty_file_is_told_in_its_place(tmp_path: Path, old: str, new: str, expected: str) -> None:
    root = tmp_path / "routes"
    root.mkdir()
    assert old in GOOD
    (root / "orders.yaml").write_text(GOOD.replace(old, new, 1))
    (root / "fine.yaml").write_text(GOOD)
    found = [str(mistake) for mistake in check_all(root)]
    assert any(text.startswith(f"routes/orders.yaml:{expected}") for text in found), found
    assert not any(text.startswith("routes/fine.yaml") for text in found), "it hides no other file"
    places = [text.split("  ")[0] for text in found]
    assert len(places) == len(set(places)) or "tags such as" in expected or "merge key" in expected, found
    for text in found:
        assert not [own for own in PYDANTICS_OWN if own in text], text


def test_validate_shows_them_all_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from airflow_integrations.cli import main

    root = tmp_path / "routes"
    root.mkdir()
    for number, (old, new, _) in enumerate(NASTY):
        (root / f"r{number}.yaml").write_text(GOOD.replace(old, new, 1))
    assert main(["validate", "--routes", str(root)]) == FAILED
    out = "".join(capsys.readouterr())
    for number, (_, _, expected) in enumerate(NASTY):
        assert f"routes/r{number}.yaml:{expected.split('  ')[0]}  " in out
