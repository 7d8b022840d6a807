"""The console's pages: drawn on the server, refreshed in pieces by htmx, shown inside Airflow's UI or alone."""
