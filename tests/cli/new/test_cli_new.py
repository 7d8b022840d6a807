from __future__ import annotations

from pathlib import Path

import pytest


@pytest.mark.parametrize("options", [(), ("--to", "none"), ("--entity", "customer")], ids=str)
def test_the_scaffold_is_valid_and_its_tests_pass(call, options):
    code, out, _ = call("new", "shop_orders", *options)
    assert code == 0
    assert ".route.schema.json: editors complete and check routes by it; commit it beside them" in out
    code, out, _ = call("validate")
    assert (code, out) == (0, "1 file in routes: no mistakes\n")
    code, out, _ = call("test")
    assert code == 0
    assert out.endswith("2 passed\n")


def test_it_never_overwrites(call, routes: Path):
    (routes / "orders.yaml").write_text("mine")
    code, _, err = call("new", "orders")
    assert code == 2
    assert "is there already; nothing was written" in err
    assert (routes / "orders.yaml").read_text() == "mine"


def test_it_tells_only_what_it_wrote(call):
    call("new", "orders")
    code, out, _ = call("new", "stock")
    assert (code, ".route.schema.json" in out) == (0, False)


def test_a_schema_of_another_version_is_told_and_renewed(call, routes: Path):
    call("new", "orders")
    schema = routes / ".route.schema.json"
    present = schema.read_text()
    assert "another version" not in call("validate")[2]
    for spoilt in ("{}", "{ not json", present.replace("shop", "shop1", 1)):
        schema.write_text(spoilt)
        for command in ("validate", "list"):
            code, _, err = call(command)
            assert (code, "Renew it: airflow-integrations schema > " in err) == (0, True)
        schema.write_text(call("schema")[1])
        assert "another version" not in call("validate")[2]
        schema.write_text(spoilt)
        code, out, _ = call("new", f"stock{len(spoilt)}")
        assert (code, "renewed routes/.route.schema.json" in out) == (0, True)
        assert schema.read_text() == present


def test_a_name_that_differs_by_case_only_is_taken(call, routes: Path):
    code, _, err = call("new", "Orders")
    assert (code, "is there already; nothing was written" in err) == (2, True)
    assert not (routes / "Orders.test.yaml").exists()


def test_it_sees_a_route_of_that_name_in_a_folder_below(call, routes: Path):
    (routes / "below").mkdir()
    (routes / "orders.yaml").rename(routes / "below" / "invoices.yaml")
    assert call("new", "invoices")[0] == 2
    assert not (routes / "invoices.yaml").exists()


@pytest.mark.parametrize("name", ["../up", "a b", "", "x.test", "a/b"])
def test_a_name_that_is_no_file_name_is_refused(call, name, tmp_path: Path):
    code, _, err = call("new", name)
    assert code == 2
    assert "not a name for a route" in err
    assert list(tmp_path.iterdir()) == []


def test_it_prefers_the_dags_folder(call, tmp_path: Path):
    (tmp_path / "dags").mkdir()
    assert call("new", "orders")[0] == 0
    assert (tmp_path / "dags" / "routes" / "orders.test.yaml").is_file()


def test_a_reserved_word_as_entity_is_told_at_once(call):
    code, out, _ = call("new", "orders", "--entity", "window")
    assert code == 1
    assert "routes/orders.yaml:6:16  entity.name: " in out


def test_mistakes_of_other_files_are_not_read(call, routes):
    (routes / "broken.yaml").write_text("entity: [\n")
    code, out, _ = call("new", "customers")
    assert code == 0
    assert "broken" not in out
