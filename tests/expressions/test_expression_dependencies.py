"""What an expression says it reads: exactly its free names, and the paths of its fields."""

from __future__ import annotations

import pytest

from airflow_integrations.expressions import SCOPES, Expression, FieldWatch, Sees, scope_names


@pytest.mark.parametrize(
    ("text", "names", "fields"),
    [
        ("order.customer.address.country", {"order"}, {"order.customer.address.country"}),
        ('order["a"].b["c d"]', {"order"}, {"order.a.b.c d"}),
        ("order.lines[0].sku + order.lines[-1].qty", {"order"}, {"order.lines.*.sku", "order.lines.*.qty"}),
        ("order[tax.field]", {"order", "tax"}, {"tax.field"}),
        ("order.a[tax.field].b", {"order", "tax"}, {"order.a", "tax.field"}),
        ("order.created_at[:order.n]", {"order"}, {"order.created_at", "order.n"}),
        ("sum(l.qty for l in order.lines)", {"order"}, {"order.lines", "order.lines.*.qty"}),
        (
            "[t.id for l in order.lines for t in l.tags if l.ok]",
            {"order"},
            {"order.lines", "order.lines.*.tags", "order.lines.*.ok", "order.lines.*.tags.*.id"},
        ),
        ("[l.a for i, l in enumerate(order.lines)]", {"order"}, {"order.lines", "order.lines.*.a"}),
        ("[v.x for k, v in items(order.a)]", {"order"}, {"order.a"}),
        ("[l.a for l in sorted(order.lines or [])]", {"order"}, {"order.lines", "order.lines.*.a"}),
        ("[order.x for order in source.all]", {"source"}, {"source.all", "source.all.*.x"}),
        ("[x for x in x.y]", {"x"}, {"x.y"}),
        ("{k.a: v.b for k, v in zip(order.p, order.q)}", {"order"}, {"order.p", "order.q"}),
        ("first(order.lines).sku", {"order"}, {"order.lines", "order.lines.*.sku"}),
        ("get(order, 'note', '') + get(order.a, 'b')", {"order"}, {"order.note", "order.a", "order.a.b"}),
        ("f'{order.a:.2f}{tax.code}'", {"order", "tax"}, {"order.a", "tax.code"}),
        ("order.name.upper()", {"order"}, {"order.name"}),
        ("sum", {"sum"}, set()),
        ("order", {"order"}, set()),
        ("sorted(order.a, reverse=var.desc)", {"order", "var"}, {"order.a", "var.desc"}),
        ("1 < order.a <= window.end", {"order", "window"}, {"order.a", "window.end"}),
        ("{**order.a, 'b': [order.c, (order.d,)]}", {"order"}, {"order.a", "order.c", "order.d"}),
        ("order.a in {order.b, 'x'}", {"order"}, {"order.a", "order.b"}),
        ("EUR", {"EUR"}, set()),
    ],
)
def test_reads(text: str, names: set[str], fields: set[str]) -> None:
    expression = Expression(text)
    assert expression.names == names
    assert {".".join(path) for path in expression.fields} == fields


def test_the_watch_reports_what_no_entity_had() -> None:
    paths = {
        ("order", "a"),
        ("order", "b", "c"),
        ("order", "lines", "*", "sku"),
        ("order", "nul"),
        ("window", "start"),
        ("order",),
    }
    watch = FieldWatch(paths, {"order"})
    assert watch.unseen() == ()
    watch.see({"order": {"a": 1, "lines": [{}, {"x": 1}]}})
    assert watch.watching
    assert watch.unseen() == (("order", "b", "c"), ("order", "lines", "*", "sku"), ("order", "nul"))
    watch.see({"order": {"b": {"c": False}, "lines": [{}, {"sku": None}], "nul": None}})
    assert watch.unseen() == ()
    assert not watch.watching
    assert not FieldWatch({("window", "start"), ("order",)}, {"order"}).watching
    watch.see({"order": None})
    watch.see({})


def test_scopes() -> None:
    assert scope_names("run") == {"window", "params", "var"}
    assert scope_names("entity", "order", ["tax"]) == {"window", "params", "var", "order", "source", "tax"}
    assert {"status", "headers", "body", "request"} <= scope_names("answer", "order")
    assert "item" in scope_names("item")
    assert "entities" in scope_names("batch")
    assert "target" in scope_names("target")
    assert all(name.isidentifier() for scope in SCOPES for name in scope_names(scope))
    with pytest.raises(ValueError, match="one of run"):
        Sees("nowhere")
