"""Queues and streams: connections to them and what their errors mean. Listeners and targets use the same ones."""
