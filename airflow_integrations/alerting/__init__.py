"""Whether something is wrong with a route, when that is told, and in which words. No Airflow and no network in it."""
