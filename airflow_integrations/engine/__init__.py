"""The whole job of a route with no Airflow in it: ``fetch``, ``transform``, ``push``, ``settle``.

Each stage reads what the one before it staged, and can be started again at any time: fetch goes on behind the last
page that it committed, transform starts over, push sends what no answer is known for.
"""

from airflow_integrations.engine.fetch import fetch
from airflow_integrations.engine.push import push
from airflow_integrations.engine.recover import recover
from airflow_integrations.engine.settle import Balance, problems, settle
from airflow_integrations.engine.transform import transform

__all__ = ["Balance", "fetch", "problems", "push", "recover", "settle", "transform"]
