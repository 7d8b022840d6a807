"""Dashboard, rules and the exporter's mapping use metrics that the code sends, with the tags that they have."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser as promql
import pytest
import yaml

from airflow_integrations.airflow.metrics import METRICS, Metric

DEPLOY = Path(__file__).parents[2] / "deploy"
MAPPING = yaml.safe_load((DEPLOY / "statsd" / "mapping.yaml").read_text())
RULES = yaml.safe_load((DEPLOY / "prometheus" / "integrations.rules.yaml").read_text())["groups"][0]["rules"]
DASHBOARD = json.loads((DEPLOY / "grafana" / "integrations.json").read_text())
DOCS = (DEPLOY.parent / "docs" / "operations" / "metrics.md").read_text()

BY_NAME = {metric.name: metric for metric in METRICS}
SUFFIXES = {"counter": "_total", "timer": "_seconds", "gauge": ""}
SERIES = {"counter": [""], "gauge": [""], "timer": ["_bucket", "_sum", "_count"]}


def known() -> dict[str, Metric]:
    """Names in Prometheus, and the metrics behind them."""
    found = {}
    for mapped in MAPPING["mappings"]:
        metric = BY_NAME[mapped["match"].removeprefix("airflow.")]
        for suffix in SERIES[metric.kind]:
            found[mapped["name"] + suffix] = metric
    return found


def expressions() -> Iterator[Any]:
    for rule in RULES:
        yield pytest.param(rule["expr"], id=rule.get("alert") or rule["record"])
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            yield pytest.param(target["expr"], id=panel["title"])
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            yield pytest.param(variable["definition"].partition("(")[2].partition(",")[0], id=variable["name"])


def selectors(node: Any) -> Iterator[Any]:
    if isinstance(node, promql.VectorSelector):
        yield node
    for name in ("lhs", "rhs", "expr", "args", "vector_selector"):
        below = getattr(node, name, None)
        for each in below if isinstance(below, list) else [below]:
            if each is not None:
                yield from selectors(each)


def test_every_metric_is_mapped_once() -> None:
    mapped = [each["match"] for each in MAPPING["mappings"]]
    assert sorted(mapped) == sorted(f"airflow.{metric.name}" for metric in METRICS)
    for each in MAPPING["mappings"]:
        metric = BY_NAME[each["match"].removeprefix("airflow.")]
        assert each["name"].endswith(SUFFIXES[metric.kind])
        assert ("ttl" in each) is (metric.kind == "gauge")


@pytest.mark.parametrize("expression", list(expressions()))
def test_an_expression_asks_for_what_is_sent(expression: str) -> None:
    text = re.sub(r"\$__(range|rate_interval)", "5m", expression)
    found = list(selectors(promql.parse(text)))
    assert found
    for selector in found:
        metric = known()[selector.name]
        asked = {matcher.name for matcher in selector.matchers.matchers}
        assert asked <= set(metric.tags)
    grouped = {label.strip() for group in re.findall(r"\bby \(([^)]*)\)", expression) for label in group.split(",")}
    tags = {tag for selector in found for tag in known()[selector.name].tags}
    assert grouped <= tags | {"le"}


def test_the_outcomes_of_a_rule_are_outcomes() -> None:
    from airflow_integrations.ledger.status import INCOMING, OUTCOMES

    texts = [rule["expr"] for rule in RULES] + [t["expr"] for p in DASHBOARD["panels"] for t in p["targets"]]
    for text in texts:
        for metric, labels in re.findall(r"airflow_integrations_entities_total\{()([^}]*)\}", text):
            assert metric == ""
            for asked in re.findall(r'outcome[=!~]+"([^"]*)"', labels):
                assert set(asked.split("|")) <= {*INCOMING, *OUTCOMES}


def test_panels_have_ids_and_places_of_their_own() -> None:
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells = [
        (x, y)
        for panel in panels
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24


def test_the_page_lists_every_metric_with_its_tags() -> None:
    listed = {
        name: (kind, tuple(re.findall(r"`(\w+)`", tags)))
        for name, kind, tags in re.findall(r"^\| `(integrations\.[\w.]+)` \| (\w+) \| ([^|]*) \|", DOCS, re.MULTILINE)
    }
    assert listed == {metric.name: (metric.kind, metric.tags) for metric in METRICS}


def test_what_prometheus_calls_them_is_on_the_page() -> None:
    for mapped in MAPPING["mappings"]:
        assert f"`{mapped['name']}`" in DOCS
