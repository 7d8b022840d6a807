"""What every page's function is given: the console behind it."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from airflow_integrations.airflow.web.console import Console

__all__ = ["Behind"]


def _console(request: Request) -> Console:
    console: Console = request.app.state.console
    return console


Behind = Annotated[Console, Depends(_console)]
