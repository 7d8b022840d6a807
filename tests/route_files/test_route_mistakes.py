# ruff: noqa: E501  (a row of the table is read in one line)
"""Every mistake has its place, says what is allowed, and shows nothing of the libraries behind."""

from __future__ import annotations

from pathlib import Path

import pytest
from route_definitions import GOOD

from airflow_integrations.route_files.load import read_routes

CRON = 'cron: "*/5 * * * *"'
QUERY = '{updated_from: "{{ window.start }}"}'
PAGES = "{style: cursor, next: body.next_cursor, param: cursor}"
LOOKUP = "{name: tax, file: lookups/tax.csv, where: {country: order.country}}"
FILTER = 'order.status == "paid"'

# What is replaced in the good route, by what, and the mistake that comes of it: line:column  path: message
TABLE = [
    # keys of the route
    ("priority: critical", "prioriti: high", "4:1  unknown key 'prioriti', did you mean 'priority'? One of: alerts, contract, dag,"),
    ("priority: critical", "priority: urgent", "4:11  priority: unknown value 'urgent'; write critical. One of: critical, high, low, normal"),
    ("priority: critical", "priority: hihg", "4:11  priority: unknown value 'hihg', did you mean 'high'? One of:"),
    ("priority: critical", "priority: 1", "4:11  priority: expected one of critical, high, normal, low, found the number 1"),
    ("priority: critical", "priority:", "4:10  priority: expected one of critical, high, normal, low, found nothing"),
    ("priority: critical", "paused: on", ""),
    ("priority: critical", "paused: maybe", "4:9  paused: expected true or false, found the text 'maybe'"),
    ("priority: critical", "owner: [sales]", "4:1  owner: expected text, found a list"),
    ("priority: critical", "owner: 12", "4:8  owner: expected text, found the number 12"),
    ("priority: critical", "max_active_runs: 0", "4:18  max_active_runs: must be at least 1, found 0"),
    ("priority: critical", "max_active_runs: 1.5", "4:18  max_active_runs: expected a whole number, found the number 1.5"),
    ("priority: critical", "max_active_runs: many", "4:18  max_active_runs: expected a whole number, found the text 'many'"),
    ("route: orders", "route: my orders", "1:8  route: 'my orders' is not allowed here; write letters, digits, _, . and -"),
    ("route: orders", "route: 404", "1:8  route: expected text, found the number 404"),
    ("route: orders", f"route: {'x' * 201}", "1:8  route: too long: at most 200 are allowed"),
    ("tags: [orders]", "tags: orders", "3:7  tags: expected a list, found the text 'orders'"),
    ("tags: [orders]", "tags: [orders, 1]", "3:16  tags.1: expected text, found the number 1"),
    ("tags: [orders]", 'tags: [""]', "3:8  tags.0: empty"),
    ("tags: [orders]", "tasks: {retry_delay: soon}", "3:22  tasks.retry_delay: 'soon' is not a duration; write it like 30s, 5m"),
    ("tags: [orders]", "tasks: {timeout: 5}", "3:18  tasks.timeout: 5 is not a duration"),
    ("tags: [orders]", "tasks: {spread: 9}", "3:17  tasks.spread: 9 tasks send at the same time, and they share delivery.concurrency, which is 8: give it at"),
    ("tags: [orders]", "tasks: {spread: 2, single: true}", "3:1  tasks: single: true makes one task, over which nothing is spread: leave single or spread out"),
    ("tags: [orders]", "tasks: {retries: -1}", "3:18  tasks.retries: must be at least 0, found -1"),
    ("tags: [orders]", "params: [shop]", "3:1  params: expected a mapping (key: value), found a list"),
    ("tags: [orders]", "params: {1shop: x}", "3:10  params.1shop: '1shop' is not allowed here; write letters, digits and _"),
    ("tags: [orders]", "params: {limit: 3}", "3:1  params: limit already means something in every run's params"),
    # entity
    ("entity: {name: order, key: order.number}", "", "1:1  'entity' is missing"),
    ("key: order.number", "kee: order.number", "5:23  entity: unknown key 'kee', did you mean 'key'? One of: group, key, name, version"),
    ("key: order.number", "key: [order.number]", "5:23  entity.key: one expression belongs here, and this is a YAML list"),
    ("key: order.number", "key: order.number ==", "5:28  entity.key: the expression cannot be read"),
    ("key: order.number", 'key: "{{ order.number }}"', "5:28  entity.key: this is an expression, not a template: write it without"),
    ("key: order.number", "key: tax.code", "5:28  entity.key: tax is not known yet: its lookup comes later"),
    ("key: order.number", "key: ordre.number", "5:28  entity.key: unknown name ordre, did you mean order? Known here: order,"),
    ("key: order.number", "key: order._id", '5:28  entity.key: order._id: fields that begin with _ are written order["_id"]'),
    ("name: order", "name: source", "5:16  entity.name: 'source' already means something in expressions"),
    ("name: order", "name: decimal", "5:16  entity.name: 'decimal' already means something in expressions"),
    ("name: order", "name: my-order", "5:16  entity.name: 'my-order' is not allowed here; write letters, digits and _"),
    # schedule
    ("timezone:", "timzone:", "6:33  schedule: unknown key 'timzone', did you mean 'timezone'? One of: catchup, cron, end, every,"),
    ("Europe/Madrid", "Europe/Madird", "6:43  schedule.timezone: unknown time zone 'Europe/Madird', did you mean 'Europe/Madrid'?"),
    (CRON, 'cron: "*/5 * * *"', "6:18  schedule.cron: '*/5 * * *' is not a cron expression; write five fields"),
    (CRON, "every: 5 minutes", "6:19  schedule.every: '5 minutes' is not a duration"),
    (CRON, f"every: 5m, {CRON}", "6:1  schedule: a schedule has either cron or every, and exactly one of them"),
    ("start: 2026-01-01", "start: 2026-13-01", "6:65  schedule.start: 2026-13-01 is not a date; write 2026-01-31"),
    ("start: 2026-01-01", "start: 2026", "6:65  schedule.start: 2026 is not a date; write 2026-01-31"),
    (", start: 2026-01-01", "", "6:1  schedule: catchup needs start"),
    # stages
    ("incoming:\n  http:", "incoming:\n  htpt:", "9:3  incoming: unknown kind 'htpt', did you mean 'http'? One of: files, graphql, http"),
    ("incoming:\n  http:", "incoming:\n  none: {}\n  http:", "8:1  incoming: incoming holds exactly one key, the kind"),
    ("outgoing:\n", "outgoing: erp\nx:\n", "29:11  outgoing: outgoing holds exactly one key, the kind, with its options"),
    ("outgoing:\n", "outgoing: 1.5\nx:\n", "29:11  outgoing: outgoing holds exactly one key, the kind, with its options below it; found the number 1.5."),
    ("outgoing:\n", "outgoing:\nx:\n", "29:10  outgoing: outgoing holds exactly one key, the kind, with its options below it; found nothing"),
    ("transform:\n", "transform: {}\nx:\n", "16:1  transform: expected a list, found a mapping"),
    ("- filter:", "- filtr:", "17:5  transform.0: unknown kind 'filtr', did you mean 'filter'? One of: drop, filter,"),
    ("- filter: " + FILTER, "- filter", "17:5  transform.0: a step of transform holds exactly one key, the kind"),
    # incoming
    ("records:", "recrods:", "13:5  incoming.http: unknown key 'recrods', did you mean 'records'? One of: bad_records,"),
    ("    connection: shop\n", "", "9:3  incoming.http: 'connection' is missing"),
    ("connection: shop", "connection: my shop", "10:17  incoming.http.connection: 'my shop' is not allowed here"),
    ("style: cursor", "style: cusor", "14:25  incoming.http.pagination: unknown style 'cusor', did you mean 'cursor'? One of: cursor,"),
    ("style: cursor, ", "", "14:5  incoming.http.pagination: 'style' is missing. One of: "),
    (PAGES, "{style: page, size: many}", "14:37  incoming.http.pagination.size: expected a whole number, found the text 'many'"),
    (PAGES, "{style: page, page: {}}", "14:31  incoming.http.pagination: unknown key 'page', did you mean 'pages'? One of:"),
    (PAGES, "cursor", "14:17  incoming.http.pagination: expected a mapping (key: value), found the text 'cursor'"),
    ("param: cursor", "params: cursor", "14:57  incoming.http.pagination: unknown key 'params', did you mean 'param'?"),
    ("body.next_cursor", "answer.next_cursor", "14:39  incoming.http.pagination.next: unknown name answer"),
    (QUERY, "{updated_from: window.start}", "12:27  incoming.http.query.updated_from: this is text and would be sent as it stands; for the value write {{ window.start }}"),
    (QUERY, '{since: "{{ execution_date }}"}', "12:20  incoming.http.query.since: execution_date is a name of Airflow's that not every run has; write window.start"),
    (QUERY, '{since: "{{ window.start "}', "12:20  incoming.http.query.since: "),
    (QUERY, '{since: "{{ order.updated }}"}', "12:20  incoming.http.query.since: unknown name order"),
    (QUERY, '{shop: "{{ params.shop }}"}', "12:19  incoming.http.query.shop: unknown param 'shop'. Declared under params: (none)"),
    (QUERY, "{since: [[a]]}", "12:21  incoming.http.query.since.0: a text belongs here, and this is a YAML list"),
    (QUERY, "{since: []}", "12:13  incoming.http.query.since: "),
    (QUERY, "{since: [a, window.end]}", "12:24  incoming.http.query.since.1: this is text and would be sent as it stands; for the value write {{ window.end }}"),
    (QUERY, '{since: [a, "{{ order.x }}"]}', "12:24  incoming.http.query.since.1: unknown name order"),
    (QUERY, '{token: [abc]}', "12:21  incoming.http.query.token.0: credentials"),
    (QUERY, '{f: "{{ window.start | in_tz(\'Europe/Madird\') }}"}', "12:16  incoming.http.query.f: | in_tz: unknown time zone 'Europe/Madird', did you mean 'Europe/Madrid'?"),
    (QUERY, '{f: "{{ window.start | b64encode }}"}', "12:16  incoming.http.query.f: unknown filter 'b64encode', write | base64"),
    (QUERY, "from", "12:12  incoming.http.query: expected a mapping (key: value), found the text 'from'"),
    # transform
    (FILTER, 'odrer.status == "paid"', "17:13  transform.0.filter: unknown name odrer, did you mean order?"),
    (FILTER, 'order.status == paid', '17:13  transform.0.filter: unknown name paid; for the text write "paid", for the field order.paid. Known here: order, params,'),
    (FILTER, 'order.status = "paid"', "17:13  transform.0.filter: the expression cannot be read"),
    (FILTER, 'tax.code == "S1"', "17:13  transform.0.filter: tax is not known yet: its lookup comes later"),
    (FILTER, "status == 200", "17:13  transform.0.filter: status is not known here; for the field write order.status. Known here: order,"),
    (FILTER, "order.total > params.least", "17:13  transform.0.filter: unknown param 'least'. Declared under params: (none)"),
    (FILTER, "[order.a, order.b]", "17:5  transform.0.filter: one expression belongs here, and this is a YAML list"),
    ("lookups/tax.csv", "lookups/taxes.csv", "18:31  transform.1.lookup.file: no file 'lookups/taxes.csv' in routes/"),
    ("lookups/tax.csv", "../secret.csv", "18:31  transform.1.lookup.file: '../secret.csv' leaves the routes folder; put the file under routes/"),
    ("lookups/tax.csv", "/etc/passwd", "18:31  transform.1.lookup.file: '/etc/passwd' leaves the routes folder"),
    ("lookups/tax.csv", '"lookups\\0"', "18:31  transform.1.lookup.file: 'lookups\\x00' is not a name of a file"),
    ("lookups/tax.csv", "lookups", "18:31  transform.1.lookup.file: no file 'lookups' in routes/"),
    (LOOKUP, "{name: tax, where: {country: order.country}}", "18:5  transform.1.lookup: a lookup has one of file, http,"),
    (LOOKUP, LOOKUP[:-1] + ", missing: keep}", "18:90  transform.1.lookup.missing: unknown value 'keep'; write null: what it would find then reads as None. One of: fail, null, reject, retry"),
    ("{name: tax,", "{name: order,", "18:20  transform.1.lookup.name: 'order' already means something in expressions"),
    ("Currency: {const: EUR}", "Currency: EUR", "21:17  transform.2.map.Currency: unknown name EUR; for the text write {const: EUR}, for the field order.EUR. Known here: order,"),
    ("TaxCode: tax.code", "TaxCode: tux.code", "22:16  transform.2.map.TaxCode: unknown name tux, did you mean tax?"),
    ("Sku: line.sku", "Sku: lien.sku", "26:20  transform.2.map.Lines.map.Sku: unknown name lien"),
    ("Sku: line.sku", "Sku: line.sku +", "26:20  transform.2.map.Lines.map.Sku: the expression cannot be read"),
    ("each: order.lines", "each: [order.lines]", "24:9  transform.2.map.Lines.each: a YAML list does not stand here"),
    ("Number: order.number", "Number: [order.number]", "20:7  transform.2.map.Number: a YAML list does not stand here"),
    ("schemas/order.json", "schemas/oder.json", "27:15  transform.3.validate: no file 'schemas/oder.json' in routes/"),
    ("schemas/order.json", "{file: schemas/oder.json}", "27:22  transform.3.validate.file: no file 'schemas/oder.json'"),
    # outgoing and delivery
    ("method: POST", "method: PSOT", "30:35  outgoing.http.method: unknown value 'PSOT', did you mean 'POST'? One of: DELETE,"),
    ("path: /sales-orders", "path: '/sales-orders/{{ ordr.number }}'", "30:47  outgoing.http.path: unknown name ordr, did you mean order?"),
    ("batch: 100", "batch: 0", "32:19  delivery.batch: must be at least 1, found 0"),
    ("batch: 100", "batch: 100000", "32:19  delivery.batch: must be at most 10000, found 100000"),
    ("batch: 100", "fail_run: sometimes", "32:22  delivery.fail_run: unknown value 'sometimes'. One of: any, never"),
    ("batch: 100", "fail_run: {above: 2}", "32:30  delivery.fail_run.above: expected text, found the number 2"),
    ("batch: 100", "fail_run: {abvoe: 2%}", "32:23  delivery.fail_run: unknown key 'abvoe', did you mean 'above'? One of: above"),
    ("batch: 100", "fail_run: [any]", "32:12  delivery.fail_run: expected"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "expected"), TABLE, ids=[f"{new[:40]}" for _, new, _ in TABLE])
def test_a_mistake_is_told_in_its_place(root: Path, old: str, new: str, expected: str) -> None:
    assert old in GOOD
    (root / "orders.yaml").write_text(GOOD.replace(old, new, 1))
    found = [str(mistake) for mistake in read_routes(root).mistakes]
    if not expected:
        return
    assert any(text.startswith(f"routes/orders.yaml:{expected}") for text in found), found
    assert len(found) <= 3
    for text in found:
        assert not {"pydantic", "Value error", "Input should", "type=", "function-", "literal["} & set(text.split())
        assert "http" + "s://errors" not in text
