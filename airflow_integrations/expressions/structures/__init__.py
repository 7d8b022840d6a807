"""Structures whose text leaves are expressions: the grammar of ``map`` and of JSON bodies."""
