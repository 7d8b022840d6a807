"""The consumer of low-latency routes: all stages in one process."""
