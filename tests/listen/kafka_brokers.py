"""The brokers that Kafka's C client brings for tests: its protocol over real connections, and nothing on disk."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

from airflow_integrations.queues.broker import Broker

__all__ = ["kafka_broker"]

_PRODUCER = 0


@contextmanager
def kafka_broker() -> Iterator[Broker]:
    """One broker. The first member of a consumer group does not wait 3 s for others, as with
    ``group.initial.rebalance.delay.ms=0`` of a real one; Python has no name for that setting."""
    from confluent_kafka import cimpl

    library = ctypes.CDLL(cimpl.__file__)  # what it is linked to is found with it
    library.rd_kafka_new.restype = library.rd_kafka_mock_cluster_new.restype = ctypes.c_void_p
    library.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
    told = ctypes.create_string_buffer(512)
    made = library.rd_kafka_new(_PRODUCER, None, told, ctypes.c_size_t(len(told)))
    assert made, told.value
    holder = ctypes.c_void_p(made)
    cluster = ctypes.c_void_p(library.rd_kafka_mock_cluster_new(holder, 1))
    try:
        library.rd_kafka_mock_group_initial_rebalance_delay_ms(cluster, ctypes.c_int32(0))
        host, port = library.rd_kafka_mock_cluster_bootstraps(cluster).decode().rsplit(":", 1)
        yield Broker("broker", "kafka", host, int(port))
    finally:
        library.rd_kafka_mock_cluster_destroy(cluster)
        library.rd_kafka_destroy(holder)
