"""How route files become plain data that remembers where every part of it stands.

    text ──yaml_nodes──▶ nodes ──references──▶ nodes of several files in one tree ──pydantic──▶ Route
                                                              ▲                        │
                                                              └──────── mistakes ◀─────┘

The public functions are in :mod:`airflow_integrations.route_file`.
"""
