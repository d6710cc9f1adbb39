"""Benchmarks: separate from tests, they quote medians and never assert a time."""
