"""A run that only confirms: what the target, or a person who looked there, says became of entities."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Iterable

from airflow_integrations.airflow.config.ledger import open_ledger
from airflow_integrations.airflow.dag.run_conf_retry import Confirmation
from airflow_integrations.errors import RunError

__all__ = ["confirm"]

log = logging.getLogger("airflow_integrations")


def confirm(route: str, confirmed: Iterable[Confirmation], *, by: str) -> dict[str, int]:
    """Confirm them in the ledger, and return how many are delivered and failed now.

    What could not be confirmed is a warning in the log, so that a confirmation that comes twice does no harm. Raises
    RunError where nothing could be.
    """
    from airflow_integrations.ledger.actions import entity_actions
    from airflow_integrations.ledger.actions.selection import Selection

    alike: dict[tuple[str | None, str | None], set[str]] = defaultdict(set)
    for each in confirmed:
        alike[each.target_id, each.failed].add(each.key)
    counts = {"delivered": 0, "failed": 0}
    left: list[str] = []
    with open_ledger() as ledger:
        for (target_id, failed), keys in alike.items():
            for chosen in [{key} for key in keys] if target_id else [keys]:
                try:
                    acted = entity_actions.confirm(
                        ledger,
                        Selection(route, keys=frozenset(chosen)),
                        "failed" if failed else "delivered",
                        by,
                        time.time(),
                        reason=failed,
                        target_id=target_id,
                    )
                except RunError as error:
                    left.append(str(error))
                else:
                    counts["failed" if failed else "delivered"] += acted.entities
                    left += acted.left
    log.info("confirmed by %s: %d delivered, %d failed", by, counts["delivered"], counts["failed"])
    for told in left:
        log.warning("not confirmed: %s", told)
    if not any(counts.values()):
        raise RunError("nothing could be confirmed: " + "; ".join(left))
    return counts
