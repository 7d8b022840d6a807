"""Parquet, by pyarrow: row groups to records and back, with exact numbers."""
