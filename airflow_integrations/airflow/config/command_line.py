"""Connections and Variables on a command line: those of the environment without loading Airflow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from airflow_integrations.airflow.config.connections import AirflowConnections
from airflow_integrations.airflow.config.without_airflow import Environment

__all__ = ["CommandLineConnections"]


class CommandLineConnections(AirflowConnections):
    """As Airflow's own commands see them. Airflow is asked for what the environment has not, and for everything where
    something else, such as a secrets backend, comes before the environment.

    :param loaded: Called each time after Airflow was loaded and before it is asked.
    """

    def __init__(self, loaded: Callable[[], None]) -> None:
        self._environment = Environment()
        self._loaded = loaded

    def read(self, connection: str, example: str = "") -> Any:
        if (found := self._environment.connection(connection)) is not None:
            return found
        return self._of_airflow().read(connection, example)

    def variable(self, name: str) -> str | None:
        if (found := self._environment.variable(name)) is not None:
            return found
        return self._of_airflow().variable(name)

    def _of_airflow(self) -> AirflowConnections:
        found = AirflowConnections.for_command_line()
        self._loaded()
        return found
