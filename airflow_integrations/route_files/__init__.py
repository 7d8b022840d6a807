"""Read route files into plain data that remembers the place of each part.

    text ──yaml_nodes──▶ nodes ──references──▶ nodes of several files in one tree ──pydantic──▶ Route
                                                              ▲                        │
                                                              └──────── mistakes ◀─────┘

The public functions are in :mod:`airflow_integrations.route_files.load`.
"""
