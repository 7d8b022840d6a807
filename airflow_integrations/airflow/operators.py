"""The operators of a route: ``FetchOperator >> TransformOperator >> PushOperator >> SettleOperator``."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException

from airflow_integrations import engine
from airflow_integrations.airflow.remedy import remedy
from airflow_integrations.airflow.route_operator import RouteOperator
from airflow_integrations.engine.troubles import gather
from airflow_integrations.run import Run
from airflow_integrations.staging import Manifest, Staging

if TYPE_CHECKING:
    from airflow.sdk import Context

__all__ = ["FetchOperator", "PushOperator", "SettleOperator", "TransformOperator"]

log = logging.getLogger("airflow_integrations")


class FetchOperator(RouteOperator):
    """Fetch the entities of the run's window into staging.

    A retry goes on behind the last page that was staged. Where there is nothing to fetch the route's other tasks are
    skipped. XCom: ``{"manifest": path, "entities": how many go on, "counts": {"fetched": …, "rejected": …}}``.
    """

    stage = "fetch"
    ui_color = "#dbeafe"

    def work(self, context: Context, run: Run, staging: Staging) -> dict[str, Any]:
        async def stage() -> Manifest:
            async with self.services() as services:
                return await engine.fetch(run, services, staging)

        manifest = self.run_until_stopped(stage())
        result = self.report(manifest)
        if not manifest.entities:
            if manifest.problems:
                self.skip_stages(context, ("transform", "push"), result)
            else:
                staging.clean()
                self.skip_stages(context, ("transform", "push", "settle"), result)
        return result


class TransformOperator(RouteOperator):
    """Take what fetch staged through the route's transformers.

    Has no effect outside staging and starts over when it is retried. Where no entity is left, push is skipped.
    XCom: as fetch, with what was filtered, merged, rejected and added by splits.
    """

    stage = "transform"
    ui_color = "#ede9fe"

    def work(self, context: Context, run: Run, staging: Staging) -> dict[str, Any]:
        async def stage() -> Manifest:
            async with self.services() as services:
                return await engine.transform(run, services, staging)

        manifest = self.run_until_stopped(stage())
        result = self.report(manifest)
        if not manifest.entities:
            self.skip_stages(context, ("push",), result)
        return result


class PushOperator(RouteOperator):
    """Deliver what transform staged.

    Delivers whatever it can and leaves the judgement to settle. A retry sends what was not confirmed.
    XCom: as fetch, with what was delivered, failed, skipped and in doubt.
    """

    stage = "push"
    ui_color = "#dcfce7"

    def work(self, context: Context, run: Run, staging: Staging) -> dict[str, Any]:
        stop = asyncio.Event()

        async def stage() -> Manifest:
            async with self.services() as services:
                return await engine.push(run, services, staging, stop)

        return self.report(self.run_until_stopped(stage(), stop))


class SettleOperator(RouteOperator):
    """Strike the balance of the run: fetched = what became of them. Fails where the route's ``delivery.fail_run`` says
    so, where the books do not balance, or where a stage did not come to its end.

    Runs whatever became of the stages before it (``trigger_rule="all_done"``). Clears staging where nothing is left to
    do. XCom: ``{"counts": {…}}``.
    """

    stage = "settle"
    ui_color = "#fef3c7"

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("trigger_rule", "all_done")
        super().__init__(**kwargs)

    def work(self, context: Context, run: Run, staging: Staging) -> dict[str, Any]:
        balance = engine.settle(run, staging)
        result = {"counts": dict(balance.counts)}
        log.info("%s", balance.lines()[0])
        troubles = gather(engine.problems(staging))
        for line in troubles.lines:
            log.warning("%s", line)
        engine.clean(staging, balance)
        if balance.verdict:
            context["ti"].xcom_push("return_value", result)
            dag_id = getattr(context.get("dag"), "dag_id", None) or self.route.route
            # Line by line: the UI does not wrap, and shows an exception's text cut off above its traceback.
            for line in (balance.verdict, *remedy(run, dag_id, balance, troubles)):
                log.error("%s", line)
            raise AirflowFailException(balance.verdict)
        return result
