"""Airflow imports this when a component starts. Tasks and DAG files are forks of it, and need not import that again."""

from airflow_integrations.airflow.preload import preload

preload()
