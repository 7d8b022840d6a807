"""Settings, Connections and the ledger, as Airflow's configuration names them."""
