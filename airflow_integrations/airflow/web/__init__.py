"""The package's part of the API server, under ``/integrations``: webhooks, the API and the console."""
