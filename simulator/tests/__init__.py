"""Tests of the simulator, alone and through the real Azure SDKs. None needs a database."""
