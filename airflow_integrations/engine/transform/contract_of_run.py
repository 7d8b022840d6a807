"""The contract of a run, where its route has one: who has none loads nothing for it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from airflow_integrations.run import Run, Services

if TYPE_CHECKING:
    from airflow_integrations.engine.transform.contract import ContractCheck

__all__ = ["contract_of"]


async def contract_of(run: Run, services: Services) -> ContractCheck | None:
    """With what the ledger knows of the source. None: the route has no contract."""
    options = run.route.contract
    if options is None:
        return None
    from airflow_integrations.engine.transform.contract import ContractCheck
    from airflow_integrations.ledger.contract import learned_of
    from airflow_integrations.route.contracts.learned import Learned

    learned = await asyncio.to_thread(learned_of, services.ledger, run.route.route)
    return ContractCheck(run, services, options, learned or Learned())
