"""The operators of a route's DAG."""
