"""Webhooks: from a request to events in the inbox, and to an answer about their entities. An ASGI application that
knows no Airflow: secrets, the ledger and the doorbell are given to it.

Everything before the sender has proved who it is takes bounded memory and time, and is answered alike whatever is
asked for: an unknown path looks like a wrong signature.
"""
