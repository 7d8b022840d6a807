"""The demo: a shop, an ERP and Airflow on one machine. Also what the end-to-end tests stand on."""
