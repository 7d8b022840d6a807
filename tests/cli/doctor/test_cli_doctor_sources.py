from __future__ import annotations

import json
import sqlite3

ROUTE = """\
entity: {name: order, key: order.id}
trigger: {listen: {sql_outbox: {connection: shop_db, table: TABLE, payload: payload, taken: {time: taken_at}}}}
outgoing: {none: {}}
"""


def test_what_waits_in_an_outbox_and_a_table_that_is_not_there(call, routes, systems, tmp_path, monkeypatch):
    place = str(tmp_path / "shop.db")
    with sqlite3.connect(place) as made:
        made.execute("CREATE TABLE outbox (id integer PRIMARY KEY, payload text, taken_at text)")
        made.execute("INSERT INTO outbox (payload) VALUES ('1'), ('2'), ('3')")
    monkeypatch.setenv("AIRFLOW_CONN_SHOP_DB", json.dumps({"conn_type": "sqlite", "host": place}))
    (routes / "outbox.yaml").write_text(ROUTE.replace("TABLE", "outbox"))
    code, out, _ = call("doctor", "--format", "json")
    told = {each["check"]: each for each in json.loads(out)}
    assert told["source of outbox"]["result"] == "3 rows not taken yet"
    assert told["Connection shop_db"]["status"] == "ok"
    assert code == 0
    (routes / "outbox.yaml").write_text(ROUTE.replace("TABLE", "outbx"))
    code, out, _ = call("doctor", "--format", "json")
    told = {each["check"]: each for each in json.loads(out)}
    assert "there is no table outbx, did you mean 'outbox'?" in told["source of outbox"]["result"]
    assert code == 1
