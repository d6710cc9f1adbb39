"""Tests of the embedded stack: real servers in temporary folders, killed in every way we know."""
