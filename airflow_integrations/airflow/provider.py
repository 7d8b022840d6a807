"""The package's description for Airflow. Every process that imports Airflow loads this file: it imports nothing."""

from __future__ import annotations

from typing import Any

__all__ = ["get_provider_info"]


def get_provider_info() -> dict[str, Any]:
    """The provider's entry, in the form of ``airflow/provider_info.schema.json``."""
    return {
        "package-name": "airflow-integrations",
        "name": "Airflow Integrations",
        "description": "Routes between business systems: one file, one route, one DAG; every entity accounted for.",
        "cli": ["airflow_integrations.airflow.cli_hook.get_commands"],
        "config": {
            "integrations": {
                "description": "Airflow Integrations: routes between business systems.",
                "options": {
                    "routes": {
                        "description": (
                            "The folder of the route files.\n"
                            "Left out: the folder ``routes`` beside the loader file ``integration_routes.py``.\n"
                        ),
                        "version_added": "0.1.0",
                        "type": "string",
                        "example": "/opt/airflow/dags/routes",
                        "default": "",
                    },
                    "staging": {
                        "description": (
                            "Where a run's entities lie between its tasks: a folder or an object storage URL that\n"
                            "every worker sees. Left out: ``integrations/staging`` in AIRFLOW_HOME, for one machine.\n"
                        ),
                        "version_added": "0.1.0",
                        "type": "string",
                        "example": "s3://my-bucket/integrations",
                        "default": "",
                    },
                    "staging_max_bytes": {
                        "description": (
                            "How much staging may hold, such as ``20GB``. When it is reached, or the disk is nearly\n"
                            "full, delivered payloads go at once, oldest first; if that is not enough, fetch waits.\n"
                            "Left out: as much as the disk holds.\n"
                        ),
                        "version_added": "0.1.0",
                        "type": "string",
                        "example": "20GB",
                        "default": "",
                    },
                    "ledger_auto_migrate": {
                        "description": (
                            "Whether the first task or command of a new version brings the ledger to its schema.\n"
                            "``False``: only ``airflow-integrations ledger migrate`` does; the others refuse.\n"
                        ),
                        "version_added": "0.1.0",
                        "type": "boolean",
                        "example": None,
                        "default": "True",
                    },
                    "ledger_connection": {
                        "description": (
                            "The Connection of the PostgreSQL database that holds the ledger.\n"
                            "Left out: the SQLite file ``integrations/ledger.db`` in AIRFLOW_HOME, for one machine;\n"
                            "refused with executors that run tasks elsewhere, such as CeleryExecutor.\n"
                        ),
                        "version_added": "0.1.0",
                        "type": "string",
                        "example": "integrations_ledger",
                        "default": "",
                    },
                    "webhook_access_log": {
                        "description": (
                            "Whether webhooks are in the API server's access log. They go through all of its layers\n"
                            "then, and it takes a third as many of them a second.\n"
                        ),
                        "version_added": "0.1.0",
                        "type": "boolean",
                        "example": "True",
                        "default": "False",
                    },
                    "pools": {
                        "description": (
                            "Whether tasks run in a pool per priority instead of ``default_pool``.\n"
                            "Create the pools first, with ``airflow-integrations pools create``:\n"
                            "Airflow never starts a task whose pool does not exist.\n"
                        ),
                        "version_added": "0.1.0",
                        "type": "boolean",
                        "example": "True",
                        "default": "False",
                    },
                    "daily_summary": {
                        "description": (
                            "When a summary of the day goes to those whom routes name under ``alerts``:\n"
                            "a time in UTC, or one in a time zone. Left out: there is none.\n"
                        ),
                        "version_added": "0.1.0",
                        "type": "string",
                        "example": "07:00 Europe/Madrid",
                        "default": "",
                    },
                    "trace_keys": {
                        "description": (
                            "Whether the spans of HTTP requests tell the path, which may hold keys of entities.\n"
                            "Spans are made where Airflow's own traces are on.\n"
                        ),
                        "version_added": "0.1.0",
                        "type": "boolean",
                        "example": "True",
                        "default": "False",
                    },
                },
            },
        },
    }
