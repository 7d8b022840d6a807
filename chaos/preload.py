"""What a worker imports on first use, imported once for all of them: they are forks of the process that did it."""

from importlib import import_module

from airflow_integrations.route.definition import Route
from chaos import definition, steps_route

for _name in (
    "airflow_integrations.expressions.evaluation.compiler",
    "airflow_integrations.http.client",
    "airflow_integrations.incoming.http.source",
    "airflow_integrations.ledger.ledger",
    "airflow_integrations.outgoing.http.target",
    "airflow_integrations.outgoing.http.answers.response_rules",
    "airflow_integrations.outgoing.http.request_writer",
    "airflow_integrations.outgoing.http.steps.runner",
    "airflow_integrations.outgoing.http.upsert",
    "airflow_integrations.transform.validate",
    "jinja2",
    "jsonschema_rs",
    "pendulum",
    "psycopg",
    "RestrictedPython.transformer",
    "sqlalchemy.dialects.postgresql.psycopg",
    "sqlalchemy.dialects.sqlite.pysqlite",
):
    import_module(_name)

for _definition in (definition.route(batch=1, concurrency=1), steps_route.route(concurrency=1)):
    Route.load(_definition)  # builds the models of their options
