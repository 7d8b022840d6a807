"""The picture of a route: what is drawn where, and that numbers stay numbers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from airflow_integrations.airflow.web.pages.flow import flow
from airflow_integrations.ledger.status import STATUSES

STEPS = (("filter", ""), ("validate", ""), ("map", ""))
BOOKS = {"fetched": 100, "delivered": 60, "filtered": 25, "rejected": 10, "failed": 5}


def test_each_edge_has_the_count_of_what_passed_there() -> None:
    counts = BOOKS | {"step.0": 75, "step.1": 65, "step.2": 65}
    drawn = flow(("http", "shop"), STEPS, ("http", "erp"), counts)
    assert [edge.count for edge in drawn.edges] == [100, 75, 65, 65, 60]
    assert [node.stage for node in drawn.nodes] == ["fetch", "transform", "transform", "transform", "push"]


def test_what_left_is_drawn_below_the_step_that_it_left_at() -> None:
    counts = BOOKS | {"step.0": 75, "step.1": 65, "step.2": 65}
    drawn = flow(("http", "shop"), STEPS, ("http", "erp"), counts)
    at = {branch.name: [n.title for n in drawn.nodes if n.x < branch.x][-1] for branch in drawn.branches}
    assert at == {"filtered": "filter", "rejected": "validate", "failed": "http"}


def test_without_counts_of_steps_the_edges_between_them_have_none() -> None:
    drawn = flow(("http", "shop"), STEPS, ("http", "erp"), BOOKS)
    assert [edge.count for edge in drawn.edges] == [100, None, None, 65, 60]


def test_a_route_without_steps_goes_straight_on() -> None:
    drawn = flow(("http", ""), (), ("http", ""), {"fetched": 3, "carried_in": 2, "delivered": 5})
    assert [edge.count for edge in drawn.edges] == [5, 5]
    assert [(branch.label, branch.down) for branch in drawn.branches] == [("2 carried in", False)]


def test_it_is_told_in_words_without_the_steps() -> None:
    told = flow(("http", "shop"), STEPS, ("http", "erp"), BOOKS | {"step.0": 75}).told
    assert told == "From http shop to http erp: 100 fetched, 60 delivered, 25 filtered, 10 rejected, 5 failed."


@given(st.dictionaries(st.sampled_from(["fetched", "carried_in", *STATUSES]), st.integers(0, 10**12)))
def test_whatever_the_books_say_everything_is_inside_the_picture(counts: dict[str, int]) -> None:
    drawn = flow(("http", "shop"), STEPS, ("http", "erp"), counts)
    assert all(0 <= branch.y <= drawn.height and 0 <= branch.x <= drawn.width for branch in drawn.branches)
    assert all(1 <= edge.width <= 14 for edge in drawn.edges)
    gone = [name for name in STATUSES if counts.get(name) and name not in ("delivered", "pending", "in_flight")]
    assert sorted(branch.name for branch in drawn.branches if branch.down) == sorted(gone)
