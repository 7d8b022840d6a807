"""Airflow DAGs from the route files in the folder ``routes`` beside this file (or ``[integrations] routes``).

A route file with a mistake is left out here and reported by ``integration_routes_check.py``.
"""

from airflow_integrations.airflow.dag.loader import load_routes

globals().update(load_routes(__file__))
