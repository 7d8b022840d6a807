"""The HTTP API under ``/integrations/api/v1``: one file for each kind of thing it answers about."""
