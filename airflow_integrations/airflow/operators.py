"""The operators of a route: ``FetchOperator >> TransformOperator >> PushOperator >> SettleOperator``."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException

from airflow_integrations import engine
from airflow_integrations.airflow import settings
from airflow_integrations.airflow.confirming import confirm
from airflow_integrations.airflow.remedy import remedy
from airflow_integrations.airflow.route_operator import RouteOperator, asked_by
from airflow_integrations.engine.ahead import anything, for_push, for_transform
from airflow_integrations.engine.disk import make_room
from airflow_integrations.engine.express import all_the_way, goes_express
from airflow_integrations.engine.settle import Balance
from airflow_integrations.engine.troubles import Troubles, gather
from airflow_integrations.engine.windows import as_fetched
from airflow_integrations.run import Run
from airflow_integrations.staging import Manifest, Staging

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_integrations.airflow.conf_open import Confirmation

__all__ = ["FetchOperator", "PushOperator", "SettleOperator", "TransformOperator"]

log = logging.getLogger("airflow_integrations")


class FetchOperator(RouteOperator):
    """Fetch the entities of the run's window into staging, and take over from earlier runs what is due.

    A retry goes on behind the last page that was staged. Where there is nothing at all it closes the run's books and
    the route's other tasks are skipped; where everything was rejected, transform and push are. A run that was rung for,
    with few entities, is taken all the way at once, and the tasks behind are skipped; what stands in the way is theirs.
    XCom: ``{"manifest": path, "entities": how many go on, "counts": {"fetched": …, "carried_in": …, "rejected": …}}``.
    """

    stage = "fetch"
    ui_color = "#dbeafe"

    def work(self, context: Context, run: Run, staging: Staging) -> dict[str, Any]:
        stop = asyncio.Event()

        async def stage() -> tuple[Manifest, list[Manifest], Balance | None]:
            async with self.services() as services:
                await make_room(services, staging, settings.staging_max_bytes())
                manifest = await engine.fetch(run, services, staging)
                if not anything(manifest):
                    self.report_books(await engine.settle(as_fetched(run, staging), services, staging))
                elif goes_express(run, manifest) and self.is_followed():
                    return manifest, *await all_the_way(run, services, staging, manifest, stop)
                return manifest, [], None

        manifest, further, balance = self.run_until_stopped(stage(), stop)
        result = self.report(manifest)
        for done in further:
            self.report(done)
        if balance is not None:
            result["counts"] = dict(balance.counts)
            if not balance.verdict:
                self.report_books(balance)
            # Where something is wrong with the books it is settle that fails: people look for it there.
            left = ("transform", "push") if balance.verdict else ("transform", "push", "settle")
            self.skip_stages(context, left, result)
        elif further:
            self.skip_stages(context, ("transform",), result)
        elif not anything(manifest):
            staging.clean()
            self.skip_stages(context, ("transform", "push", "settle"), result)
        elif not for_transform(manifest):
            self.skip_stages(context, ("transform", "push"), result)
        return result

    def confirm(self, context: Context, confirmed: tuple[Confirmation, ...]) -> dict[str, Any]:
        result = {"counts": confirm(self.route.route, confirmed, by=asked_by(context))}
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
                return await engine.transform(as_fetched(run, staging), services, staging)

        manifest = self.run_until_stopped(stage())
        result = self.report(manifest)
        fetched = staging.manifest("fetch")
        if fetched is not None and not for_push(fetched, manifest):
            self.skip_stages(context, ("push",), result)
        return result


class PushOperator(RouteOperator):
    """Deliver what transform staged and fetch took over.

    Delivers whatever it can and leaves the judgement to settle. Runs, too, where fetch has done transform's work
    (``trigger_rule="none_failed"``). A retry sends what was not confirmed; the last one
    leaves to a later run what the target's outage does not let it send. XCom: as fetch, with what became of them.
    """

    stage = "push"
    ui_color = "#dcfce7"

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("trigger_rule", "none_failed")
        super().__init__(**kwargs)

    def work(self, context: Context, run: Run, staging: Staging) -> dict[str, Any]:
        stop = asyncio.Event()

        async def stage() -> Manifest:
            async with self.services() as services:
                run_as = as_fetched(run, staging)
                return await engine.push(run_as, services, staging, stop, final=_last_try(context))

        return self.report(self.run_until_stopped(stage(), stop))


class SettleOperator(RouteOperator):
    """Strike the balance of the run, what came = what became of it, and close its books. Fails where the route's
    ``delivery.fail_run`` says so, where the books do not balance, or where a stage did not come to its end.

    Runs whatever became of the stages before it (``trigger_rule="all_done"``). XCom: ``{"counts": {…}}``.
    """

    stage = "settle"
    ui_color = "#fef3c7"

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("trigger_rule", "all_done")
        super().__init__(**kwargs)

    def work(self, context: Context, run: Run, staging: Staging) -> dict[str, Any]:
        async def stage() -> tuple[Balance, Troubles]:
            async with self.services() as services:
                troubles = gather(engine.problems(staging))  # settle may remove what they are read from
                return await engine.settle(as_fetched(run, staging), services, staging), troubles

        balance, troubles = self.run_until_stopped(stage())
        result = {"counts": dict(balance.counts)}
        self.report_books(balance)
        log.info("%s", balance.lines()[0])
        for line in troubles.lines:
            log.warning("%s", line)
        if balance.verdict:
            context["ti"].xcom_push("return_value", result)
            dag_id = getattr(context.get("dag"), "dag_id", None) or self.route.route
            # Line by line: the UI does not wrap, and shows an exception's text cut off above its traceback.
            for line in (balance.verdict, *remedy(run, dag_id, balance, troubles)):
                log.error("%s", line)
            raise AirflowFailException(balance.verdict)
        return result


def _last_try(context: Context) -> bool:
    ti: Any = context["ti"]
    return bool(getattr(ti, "try_number", 1) > getattr(ti, "max_tries", 0))
