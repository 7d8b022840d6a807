"""The operator of a DAG with one task: ``tasks: {single: true}``."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow_integrations.airflow.config import settings
from airflow_integrations.airflow.dag.assets import outlets, publish
from airflow_integrations.airflow.operators.base import RouteOperator, asked_by, is_last_try
from airflow_integrations.airflow.operators.confirm import confirm
from airflow_integrations.airflow.operators.verdict import conclude, tell
from airflow_integrations.airflow.triggers.ring_from_task import ring_woken
from airflow_integrations.errors import IntegrationError, OutageError, PostponedError
from airflow_integrations.route.definition import Route
from airflow_integrations.route.tasks import SINGLE_TASK

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_integrations.airflow.dag.run_conf_retry import Confirmation
    from airflow_integrations.engine.begun_definition import Definition
    from airflow_integrations.engine.live.whole_run import WholeRun
    from airflow_integrations.engine.settle.failure_summary import Troubles
    from airflow_integrations.run import Run, Services
    from airflow_integrations.staging.folder import Staging

__all__ = ["RunOperator"]

log = logging.getLogger("airflow_integrations")


class RunOperator(RouteOperator):
    """Fetch, transform, push and settle in one task, however many entities there are.

    A retry goes on with the stage that stopped, by the definition that the run began with. The last try closes the
    run's books, as does an error that no retry mends. Cleared, a run that was stopped goes on, or fetches again where
    the route was edited since; a run that had come to its end fetches again. Fails where the route's
    ``delivery.fail_run`` says so or the books do not balance. Where it succeeds and something was delivered the route's
    asset changes.
    XCom: ``{"manifest": path, "entities": how many were fetched, "counts": {…}}``, the run's books.
    """

    stage = SINGLE_TASK
    ui_color = "#dbeafe"

    def __init__(self, *, route: Route, **kwargs: Any) -> None:
        kwargs["outlets"] = [*(kwargs.get("outlets") or ()), *outlets(route)]
        super().__init__(route=route, **kwargs)
        self._anew = True

    @contextmanager
    def works_by(self, staging: Staging) -> Iterator[Definition]:
        """The definition that the run began with, where it goes on; else the route as it is now."""
        from airflow_integrations.engine.begun_definition import Definition
        from airflow_integrations.engine.live.whole_run import begins_anew
        from airflow_integrations.route.hash import data_hash

        self._anew = begins_anew(self.route, staging)
        if self._anew:
            yield Definition(self.route)
            return
        with super().works_by(staging) as definition:
            fetched = staging.manifest("fetch")
            # What it began with cannot be had any more: nothing that was delivered is sent again.
            self._anew = fetched is None or fetched.route_hash != data_hash(definition.route)
            yield definition

    def work(self, context: Context, run: Run, staging: Staging) -> dict[str, Any]:
        whole, troubles = self._do(context, run, staging)
        result = self.report(whole.manifests[0])
        for manifest in whole.manifests[1:]:
            self.report(manifest)
        if whole.pushed is not None:
            publish(context, run, whole.pushed, staging)
        self.report_books(whole.balance)
        result["counts"] = dict(whole.balance.counts)
        conclude(context, run, whole.balance, troubles, result)
        return result

    def _do(self, context: Context, run: Run, staging: Staging) -> tuple[WholeRun, Troubles]:
        from airflow_integrations.engine.disk_space import make_room
        from airflow_integrations.engine.live.whole_run import whole_run
        from airflow_integrations.engine.settle.failure_summary import gather
        from airflow_integrations.engine.settle.settle import problems

        stop, final = asyncio.Event(), is_last_try(context)

        async def stages() -> tuple[WholeRun, Troubles]:
            async with self.services() as services:
                try:
                    if self._anew:
                        await make_room(services, staging, settings.staging_max_bytes())
                    whole = await whole_run(
                        run, services, staging, stop, anew=self._anew, final=final, begins=self._begins
                    )
                    return whole, gather(problems(staging))
                except PostponedError:
                    raise
                except Exception as error:
                    mended = isinstance(error, OutageError) or not isinstance(error, IntegrationError)
                    if not stop.is_set() and (final or not mended):
                        await self._close(context, run, services, staging, error)
                    raise
                finally:
                    await asyncio.to_thread(ring_woken, context["ti"], services.ledger)

        return self.run_until_stopped(stages(), stop)

    def _begins(self, stage: str) -> None:
        self.at_stage = stage

    async def _close(self, context: Context, run: Run, services: Services, staging: Staging, error: Exception) -> None:
        """No attempt follows by itself: the books are closed as settle's task would close them."""
        from airflow_integrations.engine.live.whole_run import close_stopped
        from airflow_integrations.engine.settle.failure_summary import gather
        from airflow_integrations.engine.settle.settle import problems

        balance = await close_stopped(run, services, staging, error)
        if balance is not None:
            self.report_books(balance)
            tell(context, run, balance, gather(problems(staging)))

    def confirm(self, context: Context, confirmed: tuple[Confirmation, ...]) -> dict[str, Any]:
        return {"counts": confirm(self.route.route, confirmed, by=asked_by(context))}
