"""The whole job of a route with no Airflow in it: ``fetch``, ``transform``, ``push``, ``settle``, a package each.

Each stage reads what the one before it staged, and can be started again at any time: fetch goes on behind the last
page that it committed, transform starts over, push sends what no answer is known for. Nothing is imported here: a task
loads its own stage alone.
"""
