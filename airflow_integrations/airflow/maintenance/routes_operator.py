"""What the tasks that serve all routes have in common."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from airflow_integrations.errors import IntegrationError, OutageError

if TYPE_CHECKING:
    from airflow.sdk import Context

__all__ = ["RoutesOperator"]


class RoutesOperator(BaseOperator):
    """A task for all routes. Airflow may retry it after an outage; what no retry would mend fails it at once.

    :param routes: The folder of the route files.
    """

    template_fields = ()

    def __init__(self, *, routes: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.routes = routes

    def execute(self, context: Context) -> Any:
        try:
            return self.work(Path(self.routes), context)
        except OutageError as error:
            raise error.with_traceback(None) from None
        except IntegrationError as error:
            raise AirflowFailException(str(error)) from None

    @abstractmethod
    def work(self, routes: Path, context: Context) -> Any:
        """What it does. The answer is the task's XCom. Raises IntegrationError."""
