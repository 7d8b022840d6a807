"""The operators of a route: ``FetchOperator >> TransformOperator >> PushOperator >> SettleOperator``."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from airflow_integrations.airflow.config import settings
from airflow_integrations.airflow.dag.assets import outlets, publish
from airflow_integrations.airflow.operators.base import RouteOperator, asked_by, is_last_try
from airflow_integrations.airflow.operators.confirm import confirm
from airflow_integrations.airflow.operators.verdict import conclude
from airflow_integrations.airflow.triggers.ring_from_task import ring_woken
from airflow_integrations.errors import OutageError, RunError
from airflow_integrations.plurals import counted
from airflow_integrations.route.definition import Route

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_integrations.airflow.dag.run_conf_retry import Confirmation
    from airflow_integrations.engine.begun_definition import Definition
    from airflow_integrations.engine.settle.balance import Balance
    from airflow_integrations.engine.settle.failure_summary import Troubles
    from airflow_integrations.run import Run
    from airflow_integrations.staging.folder import Staging
    from airflow_integrations.staging.manifest import Manifest

__all__ = ["FetchOperator", "FetchPartitionsOperator", "PushOperator", "SettleOperator", "TransformOperator"]

log = logging.getLogger("airflow_integrations")


class FetchOperator(RouteOperator):
    """Fetch the entities of the run's window into staging, and take over from earlier runs what is due.

    A retry goes on behind the last page that was staged. Where there is nothing at all it closes the run's books and
    the route's other tasks are skipped; where everything was rejected, transform and push are. A run with at
    most ``tasks.together`` entities goes all the way at once, and the tasks behind are skipped; what stands in the way
    is theirs. Where tasks behind it fetch the route's partitions it only plans them, and they are skipped where there
    is nothing for them.
    XCom: ``{"manifest": path, "entities": how many go on, "counts": {"fetched": …, "carried_in": …, "rejected": …}}``.
    """

    stage = "fetch"
    ui_color = "#dbeafe"

    def __init__(self, *, route: Route, **kwargs: Any) -> None:
        kwargs["outlets"] = [*(kwargs.get("outlets") or ()), *outlets(route)]
        super().__init__(route=route, **kwargs)

    def works_by(self, staging: Staging) -> AbstractContextManager[Definition]:
        """As the route is now: who clears this task wants the new one."""
        from airflow_integrations.engine.begun_definition import Definition

        return nullcontext(Definition(self.route))

    def work(self, context: Context, run: Run, staging: Staging) -> dict[str, Any]:
        from airflow_integrations.engine.disk_space import make_room
        from airflow_integrations.engine.fetch.fetch import fetch
        from airflow_integrations.engine.fetch.windows import as_fetched
        from airflow_integrations.engine.live.single_task import fits_single_task, run_all_stages
        from airflow_integrations.engine.next_stages import anything, for_transform, needed_later
        from airflow_integrations.engine.settle.settle import settle

        stop = asyncio.Event()

        async def stage() -> tuple[Manifest, list[Manifest], Balance | None]:
            async with self.services() as services:
                await make_room(services, staging, settings.staging_max_bytes())
                if self.fetch_tasks:
                    from airflow_integrations.engine.fetch.partitions.plan import fetch_or_plan

                    manifest = await fetch_or_plan(run, services, staging, tasks=self.fetch_tasks)
                else:
                    manifest = await fetch(run, services, staging)
                if not manifest.complete:
                    return manifest, [], None
                if not anything(manifest):
                    self.report_books(await settle(as_fetched(run, staging), services, staging))
                elif fits_single_task(run, manifest) and self.is_followed():
                    done = await run_all_stages(run, services, staging, manifest, stop)
                    await asyncio.to_thread(ring_woken, context["ti"], services.ledger)
                    return manifest, *done
                return manifest, [], None

        manifest, further, balance = self.run_until_stopped(stage(), stop)
        result = self.report(manifest)
        for done in further:
            self.report(done)
        if balance is not None:
            if further[-1].stage == "push":
                publish(context, run, further[-1], staging)
            result["counts"] = dict(balance.counts)
            if not balance.verdict:
                self.report_books(balance)
            # Where something is wrong with the books it is settle that fails: people look for it there.
            left = ("transform", "push") if balance.verdict else ("transform", "push", "settle")
            self.skip_stages(context, ("fetch", *left), result)
        elif further:
            self.skip_stages(context, ("fetch", "transform"), result, beyond=len(further[0].parts) or 1)
        elif not manifest.complete:
            self.skip_stages(context, (), result, partitions_of=manifest.fetch_tasks)
        elif not anything(manifest):
            if not needed_later(manifest):
                staging.clean()
            self.skip_stages(context, ("fetch", "transform", "push", "settle"), result)
        elif not for_transform(manifest):
            self.skip_stages(context, ("fetch", "transform", "push"), result)
        else:
            self.skip_stages(context, ("fetch",), result)
        return result

    def confirm(self, context: Context, confirmed: tuple[Confirmation, ...]) -> dict[str, Any]:
        result = {"counts": confirm(self.route.route, confirmed, by=asked_by(context))}
        self.skip_stages(context, ("fetch", "transform", "push", "settle"), result)
        return result


class FetchPartitionsOperator(RouteOperator):
    """Fetch those partitions of the source that are this task's, as :class:`FetchOperator` has planned them.

    A retry goes on with those that are not staged as a whole, each behind its last page; so does a task that is
    cleared. XCom: ``{"partitions": how many were fetched, "entities": …, "counts": {"fetched": …, "rejected": …}}`` of
    this attempt.

    :param task: Which of the tasks that fetch partitions this is, from 0.
    """

    stage = "fetch"
    ui_color = "#dbeafe"

    def __init__(self, *, route: Route, task: int, **kwargs: Any) -> None:
        super().__init__(route=route, **kwargs)
        self.task = task

    def fetches_none_of(self, tasks: int | None) -> bool:
        return tasks is not None and self.task >= tasks

    def work(self, context: Context, run: Run, staging: Staging) -> dict[str, Any]:
        from airflow_integrations.engine.disk_space import make_room
        from airflow_integrations.engine.fetch.partitions.reading import fetch_partitions

        async def stage() -> list[Manifest]:
            async with self.services() as services:
                await make_room(services, staging, settings.staging_max_bytes())
                return await fetch_partitions(run, services, staging, task=self.task)

        fetched = self.run_until_stopped(stage())
        return {"partitions": len(fetched), **self.report_together(fetched)}


class TransformOperator(RouteOperator):
    """Take what fetch staged through the route's transformers.

    Has no effect outside staging and starts over when it is retried. Where no entity is left, push is skipped. Of a
    large run that several tasks send, these take their own entities through the transformers, if those allow it. An
    outage that its last try meets opens the route's circuit: no run is started for events before it closes.
    XCom: as fetch, with what was filtered, merged, rejected and added by splits.
    """

    stage = "transform"
    ui_color = "#ede9fe"

    def work(self, context: Context, run: Run, staging: Staging) -> dict[str, Any]:
        from airflow_integrations.engine.fetch.windows import as_fetched
        from airflow_integrations.engine.next_stages import for_push
        from airflow_integrations.engine.transform.outage import open_circuit_after
        from airflow_integrations.engine.transform.transform import transform

        async def stage() -> Manifest:
            async with self.services() as services:
                run_as = as_fetched(run, staging)
                try:
                    return await transform(run_as, services, staging, spread=self.pushes)
                except OutageError as error:
                    if is_last_try(context):
                        await open_circuit_after(error, run_as, services, staging)
                    raise

        manifest = self.run_until_stopped(stage())
        result = self.report(manifest)
        fetched = staging.manifest("fetch")
        if fetched is not None and not for_push(fetched, manifest):
            self.skip_stages(context, ("push",), result)
        self.skip_stages(context, (), result, beyond=len(manifest.parts) or 1)
        return result


class PushOperator(RouteOperator):
    """Deliver what transform staged and fetch took over.

    Delivers whatever it can and leaves the judgement to settle. Runs, too, where fetch has done transform's work
    (``trigger_rule="none_failed"``). A retry sends what was not confirmed; the last one leaves to a later run what the
    target's outage does not let it send. XCom: as fetch, with what became of them. Where something was delivered the
    route's asset changes.

    :param part: Which part of a large run this task sends, from 0, where several tasks of a DAG send; the first one
        sends small runs alone.
    """

    stage = "push"
    ui_color = "#dcfce7"

    def __init__(self, *, route: Route, part: int = 0, **kwargs: Any) -> None:
        kwargs.setdefault("trigger_rule", "none_failed")
        kwargs["outlets"] = [*(kwargs.get("outlets") or ()), *outlets(route)]
        super().__init__(route=route, **kwargs)
        self.part = part

    def takes_no_part_of(self, parts: int | None) -> bool:
        return parts is not None and self.part >= parts

    def work(self, context: Context, run: Run, staging: Staging) -> dict[str, Any]:
        from airflow_integrations.engine.fetch.windows import as_fetched
        from airflow_integrations.engine.push.push import push

        stop = asyncio.Event()

        async def stage() -> Manifest:
            async with self.services() as services:
                run_as = as_fetched(run, staging)
                try:
                    return await push(run_as, services, staging, stop, final=is_last_try(context), part=self.part)
                finally:
                    await asyncio.to_thread(ring_woken, context["ti"], services.ledger)

        manifest = self.run_until_stopped(stage(), stop)
        if (share := staging.manifest("share", self.part)) is not None:
            self.report_counts("transform", share.counts)
        publish(context, run, manifest, staging)
        return self.report(manifest)


class SettleOperator(RouteOperator):
    """Strike the balance of the run, what came = what became of it, and close its books. Fails where the route's
    ``delivery.fail_run`` says so, where the books do not balance, or where a stage was not finished.

    Runs whatever became of the stages before it (``trigger_rule="all_done"``). XCom: ``{"counts": {…}}``.
    """

    stage = "settle"
    ui_color = "#fef3c7"

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("trigger_rule", "all_done")
        super().__init__(**kwargs)

    def work(self, context: Context, run: Run, staging: Staging) -> dict[str, Any]:
        from airflow_integrations.engine.fetch.windows import as_fetched
        from airflow_integrations.engine.settle.failure_summary import gather
        from airflow_integrations.engine.settle.settle import problems, settle

        claimed = self.succeeded_before(context)

        async def stage() -> tuple[Balance, Troubles]:
            async with self.services() as services:
                troubles = gather(problems(staging))  # settle may remove what they are read from
                balance = await settle(as_fetched(run, staging), services, staging, claimed=claimed)
                return balance, troubles

        balance, troubles = self.run_until_stopped(stage())
        result = {"counts": dict(balance.counts)}
        self.report_books(balance)
        conclude(context, run, balance, troubles, result)
        return result

    def confirm(self, context: Context, confirmed: tuple[Confirmation, ...]) -> Any:
        """Fetch skips this task where it has confirmed something."""
        raise RunError(
            f"none of the {counted(len(confirmed), 'entity')} that this run was asked to confirm was confirmed: the "
            "log of fetch says why. Fix the keys, then trigger the DAG again"
        )
