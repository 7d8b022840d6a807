"""For tests: route tests in YAML, recorded systems, and suites that a third party's kinds must pass.

    from airflow_integrations.testing import run_route_tests

    def test_routes():
        report = run_route_tests("dags/routes")
        assert report.ok, report

Names are imported on first use: the suites need pytest, which is not installed in production.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_integrations.simulate.replay import Recording, ReplayServices
    from airflow_integrations.testing.conformance.incoming import IncomingSuite, Source
    from airflow_integrations.testing.conformance.listen import Feed, ListenSuite
    from airflow_integrations.testing.conformance.outgoing import OutgoingSuite, Target
    from airflow_integrations.testing.conformance.transformer import Step, TransformerSuite
    from airflow_integrations.testing.runner import Outcome, Report, run_route_tests
    from airflow_integrations.testing.sockets import NetworkBlocked, no_network

__all__ = [
    "Feed",
    "IncomingSuite",
    "ListenSuite",
    "NetworkBlocked",
    "Outcome",
    "OutgoingSuite",
    "Recording",
    "ReplayServices",
    "Report",
    "Source",
    "Step",
    "Target",
    "TransformerSuite",
    "no_network",
    "run_route_tests",
]

_HOMES = {
    "Feed": "conformance.listen",
    "IncomingSuite": "conformance.incoming",
    "ListenSuite": "conformance.listen",
    "NetworkBlocked": "sockets",
    "Outcome": "runner",
    "OutgoingSuite": "conformance.outgoing",
    "Recording": "airflow_integrations.simulate.replay",
    "ReplayServices": "airflow_integrations.simulate.replay",
    "Report": "runner",
    "Source": "conformance.incoming",
    "Step": "conformance.transformer",
    "Target": "conformance.outgoing",
    "TransformerSuite": "conformance.transformer",
    "no_network": "sockets",
    "run_route_tests": "runner",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    where = _HOMES[name]
    home = where if where.startswith("airflow_integrations.") else f"{__name__}.{where}"
    if where.startswith("conformance."):
        import pytest

        pytest.register_assert_rewrite(home)  # so that a failed check shows its values
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
