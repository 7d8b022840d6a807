"""Counts in words."""

from __future__ import annotations

import pytest

from airflow_integrations.plurals import counted, plural, sized, times


@pytest.mark.parametrize(
    ("count", "one", "told"),
    [
        (0, "entity", "0 entities"),
        (1, "entity", "1 entity"),
        (4320, "entity", "4,320 entities"),
        (2, "order entity", "2 order entities"),
        (2, "key", "2 keys"),
        (3, "fetch", "3 fetches"),
        (2, "batch", "2 batches"),
        (2, "retry", "2 retries"),
        (1, "page", "1 page"),
    ],
)
def test_a_count_has_the_word_for_it(count: int, one: str, told: str) -> None:
    assert counted(count, one) == told


def test_words_of_their_own() -> None:
    assert [plural(count, "is", "are") for count in (0, 1, 2)] == ["are", "is", "are"]
    assert [times(count) for count in (1, 3)] == ["once", "3 times"]
    assert [sized(size) for size in (1, 999, 12_500, 3_240_000)] == ["1 byte", "999 bytes", "12.5 KB", "3.2 MB"]
