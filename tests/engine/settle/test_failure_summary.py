from __future__ import annotations

from airflow_integrations.engine.segment_lines import Problem
from airflow_integrations.engine.settle.failure_summary import NAMED_KEYS, gather


def test_each_reason_is_told_once_with_its_stage_and_keys() -> None:
    troubles = gather(
        [
            Problem("A", "transform", "rejected", "no price 1"),
            Problem("B", "transform", "rejected", "no price 2"),
            Problem("C", "push", "failed", "422: closed"),
            Problem("D", "push", "in_doubt", "time-out"),
        ]
    )
    assert troubles.lines == (
        "rejected in transform: 2 × no price 1 (A, B)",
        "failed in push: 1 × 422: closed (C)",
        "in doubt since push: 1 × time-out (D)",
    )
    assert (troubles.refused, troubles.in_doubt, troubles.untold) == (("A", "B", "C"), ("D",), 0)


def test_a_key_with_two_problems_is_named_once_and_the_keyless_and_too_many_are_counted() -> None:
    many = [Problem(str(number), "push", "failed", "no") for number in range(NAMED_KEYS + 5)]
    troubles = gather([Problem("", "fetch", "rejected", "there is nothing"), *many, many[0]])
    assert troubles.refused == tuple(map(str, range(NAMED_KEYS)))
    assert troubles.untold == 1 + 5
    assert troubles.lines[0] == "rejected in fetch: 1 × there is nothing (no key)"


def test_nothing_wrong_says_nothing() -> None:
    assert gather([]).lines == ()
