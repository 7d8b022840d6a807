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
    from airflow_integrations.testing.incoming_suite import IncomingSuite, Source
    from airflow_integrations.testing.listen_suite import Feed, ListenSuite
    from airflow_integrations.testing.outgoing_suite import OutgoingSuite, Target
    from airflow_integrations.testing.replay import Recording, ReplayServices
    from airflow_integrations.testing.runner import Outcome, Report, run_route_tests
    from airflow_integrations.testing.sockets import NetworkBlocked, no_network
    from airflow_integrations.testing.transformer_suite import Step, TransformerSuite

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
    "Feed": "listen_suite",
    "IncomingSuite": "incoming_suite",
    "ListenSuite": "listen_suite",
    "NetworkBlocked": "sockets",
    "Outcome": "runner",
    "OutgoingSuite": "outgoing_suite",
    "Recording": "replay",
    "ReplayServices": "replay",
    "Report": "runner",
    "Source": "incoming_suite",
    "Step": "transformer_suite",
    "Target": "outgoing_suite",
    "TransformerSuite": "transformer_suite",
    "no_network": "sockets",
    "run_route_tests": "runner",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = f"{__name__}.{_HOMES[name]}"
    if home.endswith("_suite"):
        import pytest

        pytest.register_assert_rewrite(home)  # so that a failed check shows its values
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
