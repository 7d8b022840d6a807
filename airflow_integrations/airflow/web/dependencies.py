"""The dependency that gives pages and API endpoints the console of this API server."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from airflow_integrations.airflow.web.console import Console

__all__ = ["ConsoleDep"]


def _console(request: Request) -> Console:
    console: Console = request.app.state.console
    return console


ConsoleDep = Annotated[Console, Depends(_console)]
