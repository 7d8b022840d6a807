"""The Airflow tasks of a route: how many there are, how they are retried, where they run and who goes first."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Field, field_validator, model_validator

from airflow_integrations.config.model import Model
from airflow_integrations.config.types import Duration

__all__ = ["SINGLE_TASK", "STAGES", "StageOptions", "TaskOptions"]

SINGLE_TASK = "run"
"""The id of the only task of a DAG with ``tasks.single``."""
STAGES = ("fetch", "transform", "push", "settle")
"""Each is the id of its task in a DAG of four."""
LARGEST = 2**31 - 1
"""Of a weight, which is an integer column of Airflow's database."""


class StageOptions(Model):
    """How one Airflow task is run. Whether there is such a queue, pool or executor, Airflow alone knows: a task in a
    pool that does not exist is never started."""

    retries: Annotated[int, Field(strict=True, ge=0, le=100)] | None = None
    """How often Airflow starts the task again after an outage.

    Example: ``retries: 5``
    """
    retry_delay: Duration | None = None
    """The pause before a retry. It doubles each time, up to an hour.

    Example: ``retry_delay: 5m``
    """
    timeout: Duration | None = None
    """The longest time that the task may take.

    Example: ``timeout: 2h``
    """
    queue: Annotated[str, Field(pattern=r"^[\w.:/@\-]+$", max_length=256)] | None = None
    """The queue of the executor, such as a Celery queue that only workers in one network serve.

    Example: ``queue: plant_madrid``
    Since: 0.2
    """
    pool: Annotated[str, Field(pattern=r"^\S(.*\S)?$", max_length=256)] | None = None
    """The Airflow pool, instead of that of the route's priority. It also holds in the route's DAG for events.

    Example: ``pool: erp``
    Since: 0.2
    """
    pool_slots: Annotated[int, Field(strict=True, ge=1, le=10_000)] | None = None
    """The slots of the pool that one task takes. A task that wants more than the pool has is never started.

    Example: ``pool_slots: 2``
    Since: 0.2
    """
    executor: Annotated[str, Field(pattern=r"^[\w.:]+$", max_length=1000)] | None = None
    """One of several executors in ``[core] executor``, by its alias, its name or its class.

    Example: ``executor: KubernetesExecutor``
    Since: 0.2
    """
    executor_config: dict[str, Any] | None = None
    """What the executor is told of this task, such as the Kubernetes executor's ``pod_template_file``.

    Example: ``executor_config: {pod_template_file: /opt/airflow/pods/large.yaml}``
    Since: 0.2
    """
    priority_weight: Annotated[int, Field(strict=True, ge=1, le=LARGEST - 10)] | None = None
    """The task's weight, instead of that of the route's priority: 1000 for ``low``, 2000 for ``normal``, 3000 for
    ``high`` and 4000 for ``critical``. In ``tasks`` itself it is fetch's, and each later stage has one more, so that
    a run that was begun is finished first.

    Example: ``priority_weight: 3500``
    Since: 0.2
    """
    max_active_tis_per_dag: Annotated[int, Field(strict=True, ge=1, le=1000)] | None = None
    """The number of these tasks at the same time, in all runs of the DAG: for a stage of a route with
    ``max_active_runs`` above 1.

    Example: ``max_active_tis_per_dag: 1``
    Since: 0.2
    """

    @field_validator("executor_config")
    @classmethod
    def _plain(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        if value and "pod_override" in value:
            raise ValueError(
                "pod_override is an object of Python that a route file cannot hold; write the pod into a file of its "
                "own, and its path as pod_template_file"
            )
        return value


class TaskOptions(StageOptions):
    """The Airflow tasks of the route. What stands here holds for all of them; below the name of a stage, for its task.

    Example:
        queue: plant_madrid
        push: {pool: erp, retries: 10}
        transform: {queue: large, timeout: 12h}
    """

    retries: Annotated[int, Field(strict=True, ge=0, le=100)] = 3
    """How often Airflow starts a task again after an outage. It does not retry other errors: a person fixes those.

    Example: ``retries: 5``
    """
    retry_delay: Duration = Field(default="1m", validate_default=True)
    """The pause before a retry. It doubles each time, up to an hour.

    Example: ``retry_delay: 5m``
    """
    timeout: Duration = Field(default="6h", validate_default=True)
    """The longest time that one task may take.

    Example: ``timeout: 2h``
    """
    together: Annotated[int, Field(strict=True, ge=0, le=100_000)] = 1_000
    """A run with at most this many entities goes all the way in the task ``fetch``, because starting three more tasks
    costs ten times the work itself. Airflow shows the others as skipped; they take over where something stands in the
    way. ``0``: each stage always runs in its own task.

    Example: ``together: 0``
    """
    single: Annotated[bool, Field(strict=True)] = False
    """Whether the DAG has one task, ``run``, that does the work of all four, however many entities there are. A retry
    goes on where the last attempt stopped. ``together`` then has no meaning.

    Example: ``single: true``
    Since: 0.2
    """
    spread: Annotated[int, Field(strict=True, ge=1, le=32)] = 1
    """Over how many Airflow tasks a large run is spread: ``push``, ``push_2``, ``push_3``, … Each transforms and sends
    the entities of its own keys, on any worker, and is retried by itself; the states of one key stay in order. Of a
    route with a step that may need all entities of a run, such as ``split``, they only send. They share
    ``delivery.concurrency``, which is at least as large. Not for a target that puts many entities into one file.

    Example: ``spread: 4``
    Since: 0.2
    """
    spread_above: Annotated[int, Field(strict=True, ge=0, le=100_000_000)] = 50_000
    """A run with at most this many entities is sent by one task, and the further ones are skipped: each costs the start
    of a process.

    Example: ``spread_above: 200000``
    Since: 0.2
    """
    fetch_spread: Annotated[int, Field(strict=True, ge=1, le=32)] = 4
    """Over how many Airflow tasks the ``partitions`` of incoming are spread: ``fetch_1``, ``fetch_2``, … Of four tasks
    the first one fetches the partitions 1, 5, 9, …, one after the other, on any worker, and is retried by itself.
    ``1``: the task ``fetch`` fetches all of them.

    Example: ``fetch_spread: 8``
    Since: 0.2
    """
    fetch: StageOptions | None = None
    """The task fetch, which also does the work of the others where a run has few entities (``together``).

    Example: ``fetch: {queue: dmz}``
    Since: 0.2
    """
    transform: StageOptions | None = None
    """The task transform.

    Example: ``transform: {queue: large, timeout: 12h}``
    Since: 0.2
    """
    push: StageOptions | None = None
    """The task push.

    Example: ``push: {pool: erp, pool_slots: 2}``
    Since: 0.2
    """
    settle: StageOptions | None = None
    """The task settle.

    Example: ``settle: {queue: default}``
    Since: 0.2
    """

    @model_validator(mode="after")
    def _some_task_has_them(self) -> Self:
        own = [stage for stage in STAGES if getattr(self, stage) is not None]
        if self.single and own:
            raise ValueError(
                f"single: true makes one task, which has no stage {own[0]}: write the options of {', '.join(own)} into "
                "tasks itself, or leave single out"
            )
        if self.single and self.spread > 1:
            raise ValueError("single: true makes one task, over which nothing is spread: leave single or spread out")
        together = self.model_fields_set & {"together"} and self.together > 0
        places = {"queue", "executor", "executor_config"}
        elsewhere = [stage for stage in own if stage != "fetch" and getattr(self, stage).model_fields_set & places]
        if elsewhere and together:
            raise ValueError(
                f"{elsewhere[0]} is to run elsewhere than fetch, and together: {self.together} does its work in fetch: "
                "leave together out"
            )
        return self

    @property
    def most_together(self) -> int:
        """The most entities of a run that goes all the way in fetch. None go where a stage is to run elsewhere, such as
        in the only network that reaches the target."""
        places = [self.place(stage) for stage in STAGES]
        return 0 if any(place != places[0] for place in places) else self.together

    def place(self, stage: str) -> tuple[Any, ...]:
        """Where a stage's task runs."""
        return tuple(self.option(stage, name) for name in ("queue", "executor", "executor_config"))

    def option(self, stage: str, name: str) -> Any:
        """An option of a stage's task: its own, else that of all tasks. None where neither is given."""
        own = getattr(self, stage, None)
        given = None if own is None else getattr(own, name)
        return getattr(self, name) if given is None else given

    def task_of(self, stage: str) -> str:
        """The id of the task that does the work of a stage: ``fetch``, ``transform``, ``push`` or ``settle``."""
        return SINGLE_TASK if self.single else stage

    @property
    def pushes(self) -> tuple[str, ...]:
        """The ids of the tasks that send, the first one first."""
        return ("push", *(f"push_{number}" for number in range(2, self.spread + 1)))

    def to_clear(self, stage: str) -> str:
        """What a person clears so that a run goes on with a stage, for messages."""
        return (
            f"the task {SINGLE_TASK} of this run" if self.single else f"the task {stage} of this run, with Downstream"
        )
