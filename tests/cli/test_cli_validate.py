from __future__ import annotations

import json
import re

import pytest


def test_all_mistakes_of_all_files_with_their_places(call, routes, edit):
    call("new", "second")
    edit(routes / "orders.yaml", "style: cursor", "style: cusor")
    edit(routes / "second.yaml", 'order.status == "open"', "order.status == open")
    edit(routes / "second.test.yaml", "filtered:", "filterd:")
    code, out, _ = call("validate")
    assert code == 1
    assert re.search(r"^routes/orders\.yaml:\d+:\d+  incoming\.http\.pagination.*did you mean 'cursor'", out, re.M)
    assert re.search(r"^routes/second\.yaml:\d+:\d+  transform\.0\.filter.*unknown name", out, re.M)
    assert re.search(
        r"^routes/second\.test\.yaml:\d+:\d+  tests\.0\.expect.*filterd.*did you mean 'filtered'", out, re.M
    )
    assert out.splitlines()[-1] == "2 files in routes: 3 mistakes in 3 files"


def test_named_files_only(call, routes, edit):
    call("new", "second")
    edit(routes / "second.yaml", "style: cursor", "style: cusor")
    assert call("validate", "routes/orders.yaml")[0] == 0
    assert call("validate", "routes/second.yaml")[0] == 1


def test_github_annotations_point_at_the_line(call, routes, edit, monkeypatch):
    edit(routes / "orders.yaml", "style: cursor", "style: cusor")
    monkeypatch.chdir(routes.parent.parent)
    code, out, _ = call("validate", "--routes", str(routes), "--format", "github")
    assert code == 1
    file = f"{routes.parent.name}/routes/orders.yaml"
    assert re.match(rf"::error file={re.escape(file)},line=\d+,col=\d+,title=Route::incoming\.http\.pagination", out)


def test_json(call, routes, edit):
    edit(routes / "orders.yaml", "style: cursor", "style: cusor")
    code, out, _ = call("validate", "--format", "json")
    assert code == 1
    found = json.loads(out)
    assert found["files"] == 1
    assert found["mistakes"][0].keys() == {"file", "line", "column", "path", "message"}


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (("validate", "missing.yaml"), "no such file: missing.yaml"),
        (("validate", "/"), "/ is a folder; to check all routes in it: --routes /"),
        (("validate", "--routes", "nowhere"), "--routes is nowhere, which is not a folder"),
        (("validate",), "no routes folder found here"),
        (("list",), "airflow-integrations new NAME"),
    ],
)
def test_wrong_usage(call, argv, told):
    code, _, err = call(*argv)
    assert code == 2
    assert told in err


def test_the_environment_names_the_folder(call, routes, monkeypatch, tmp_path):
    routes.rename(tmp_path / "elsewhere")
    monkeypatch.setenv("AIRFLOW__INTEGRATIONS__ROUTES", str(tmp_path / "elsewhere"))
    assert call("validate")[0] == 0


def test_a_route_of_which_only_the_sending_is_spread_is_named(call, routes, edit):
    path = routes / "orders.yaml"
    path.write_text(path.read_text() + "\ncontract: {}\ntasks: {spread: 3}\n")
    code, out, err = call("validate")
    assert (code, out.splitlines()[-1]) == (0, "1 file in routes: no mistakes")
    told = "3 tasks send a large run, and one transforms it, because a contract looks at all entities of a run"
    assert err.splitlines() == [f"note: orders: tasks.spread: {told}"]
    edit(path, "\ncontract: {}", "")
    assert call("validate")[2] == ""
