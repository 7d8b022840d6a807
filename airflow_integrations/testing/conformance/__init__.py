"""Suites of tests that every kind has to pass, ours and third parties'."""
