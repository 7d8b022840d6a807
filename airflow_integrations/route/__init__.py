"""Definition of a route. ``Route`` is in :mod:`airflow_integrations.route.definition`."""
