"""The pools in Airflow's metadata database: what a person has changed stays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from airflow_integrations.airflow.dag.pools import create_pools, missing_pools, pool_name, pool_sizes

CRITICAL = pool_name("critical")


@pytest.fixture
def session() -> Iterator[Session]:
    from airflow.models.pool import Pool

    engine = create_engine("sqlite://")
    Pool.metadata.create_all(engine, tables=[Pool.__table__])
    with Session(engine) as opened:
        yield opened
    engine.dispose()


def pool(session: Session, name: str) -> Any:
    from airflow.models.pool import Pool

    return Pool.get_pool(name, session=session)


def resized(session: Session, name: str, slots: int) -> None:
    pool(session, name).slots = slots
    session.flush()


def test_pools_are_created_and_follow_the_executor(session: Session) -> None:
    assert create_pools(16, session=session) == (pool_sizes(16), frozenset())
    assert missing_pools(session=session) == []
    assert create_pools(32, session=session) == (pool_sizes(32), frozenset())
    assert pool(session, CRITICAL).slots == 32


def test_slots_that_a_person_changed_stay(session: Session) -> None:
    create_pools(16, session=session)
    resized(session, CRITICAL, 10)
    for slots in (16, 32):
        created = create_pools(slots, session=session)
        assert created.kept == {CRITICAL}
        assert created.sizes == pool_sizes(slots) | {CRITICAL: 10}
        assert pool(session, CRITICAL).slots == 10
    assert pool(session, pool_name("low")).slots == pool_sizes(32)[pool_name("low")], "the others follow"


def test_reset_computes_them_anew(session: Session) -> None:
    create_pools(16, session=session)
    resized(session, CRITICAL, 10)
    assert create_pools(16, reset=True, session=session) == (pool_sizes(16), frozenset())
    assert pool(session, CRITICAL).slots == 16
    assert create_pools(32, session=session).kept == frozenset()


def test_a_pool_of_an_earlier_version_is_taken_over(session: Session) -> None:
    from airflow.models.pool import Pool

    about = "Routes of priority critical"
    Pool.create_or_update_pool(CRITICAL, slots=7, description=about, include_deferred=False, session=session)
    assert create_pools(16, session=session) == (pool_sizes(16), frozenset())
