"""Shows the mistakes of all route files as one import error in Airflow. Defines no DAG, so that nothing else breaks."""

from airflow_integrations.airflow.dag.loader import check_routes

check_routes(__file__)
