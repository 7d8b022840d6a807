"""Whatever the chain, every entity is accounted for, what goes on keeps its order, and no source changes."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from transform_chain import Chain

from airflow_integrations.entity import Entity

STEPS: list[dict[str, Any]] = [
    {"filter": 'order.kind == "a"'},
    {"filter": "order.n is None or order.n > 1"},
    {"filter": "order.flag"},
    {"map": {"kind": "order.kind", "n": "order.n + 1", "lines": "order.lines", "flag": "order.flag", "i": "order.i"}},
    {"set": {"n": "order.n * 2", "deep.er": "order.kind"}},
    {"drop": ["flag", "lines.*.n"]},
    {"rename": {"n": "m"}},
    {"rename": {"m": "n"}},
    {"lookup": {"name": "t", "file": "t.csv", "where": {"kind": "order.kind"}}},
    {"lookup": {"name": "u", "file": "t.csv", "where": {"kind": "order.kind"}, "missing": None}},
    {"validate": {"schema": {"properties": {"n": {"type": "integer"}}, "required": ["kind"]}}},
    {
        "split": {
            "each": "order.lines",
            "map": {"kind": "order.kind", "n": "item.n", "lines": "order.lines", "i": "order.i"},
        }
    },
    {"split": {"each": "order.lines or []", "key": "item.n"}},
    {"merge": "last"},
    {"merge": "first"},
    {"python": "transform_functions:judge"},
    {"python": {"function": "transform_functions:judge_all", "per": "batch"}},
]
kinds = st.sampled_from(["a", "b", "z", None, 5])
numbers = st.sampled_from([0, 1, 2, 3, None, "x"])
lines = st.lists(st.fixed_dictionaries({}, optional={"n": numbers}) | st.none(), max_size=3) | st.none()
orders = st.fixed_dictionaries(
    {}, optional={"kind": kinds, "n": numbers, "lines": lines, "flag": st.booleans() | st.none()}
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tables")
    (path / "t.csv").write_text("kind,x\na,1\nb,2\n")
    return path


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(
    steps=st.lists(st.sampled_from(STEPS), max_size=5),
    values=st.lists(orders, max_size=6),
    keys=st.lists(st.sampled_from("abcdef"), min_size=6, max_size=6),
    batch=st.integers(1, 4),
)
async def test_the_books_balance(folder: Path, steps: Any, values: Any, keys: Any, batch: int) -> None:
    chain = Chain(steps, folder=folder, batch=batch)
    entities = [Entity(keys[index], {**value, "i": index}) for index, value in enumerate(values)]
    sources = [(entity.source, copy.deepcopy(entity.source)) for entity in entities]
    out = await chain.entities(entities)
    counts = chain.books.counts
    assert len(values) + counts["split_added"] == len(out) + counts["filtered"] + counts["rejected"] + counts["merged"]
    assert all(now == before for now, before in sources)
    if not any("merge" in step or "python" in step for step in steps):
        seen = [entity.value["i"] for entity in out if "i" in entity.value]
        assert seen == sorted(seen)
    for reason in chain.books.reasons.values():
        assert reason.startswith("transform.")
