"""What the API server serves of this package under ``/integrations``: webhooks, the API and the console."""
