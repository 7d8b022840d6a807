"""The DAG ``integrations_maintenance``: recovery, waking what is due, alerts, retention."""
