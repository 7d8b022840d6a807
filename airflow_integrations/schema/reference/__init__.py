"""The reference of route files, written from the models into ``docs/reference``.

``python -m airflow_integrations.schema.reference docs/reference`` writes it; a test keeps the two in step.
"""
