"""A test run clears what killed runs left behind, and touches nothing else."""

from __future__ import annotations

import os
from pathlib import Path

import psycopg
import pytest

from stack.processes import write_json
from stack.pytest_plugin import OWNER, database, make_folder, sweep

GONE = {"pid": 1, "born": 0.0}  # process 1 lives, but was not born then


def test_the_run_has_a_database_of_its_own() -> None:
    assert os.environ["HEADROOM_MODE"] == "test"
    with psycopg.connect(os.environ["DATABASE_URL"].replace("/headroom?", "/postgres?")) as line:
        assert line.execute("show fsync").fetchone() == ("off",)
        assert line.execute("show autovacuum").fetchone() == ("off",)


def test_a_killed_runs_server_is_stopped_and_its_folder_removed(folder: Path) -> None:
    left = make_folder(folder)
    server = database(left).start()
    write_json(left / OWNER, GONE)
    assert sweep(folder) == [left]
    assert not left.exists()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(server.url("postgres"))


def test_a_running_runs_folder_is_left_alone(folder: Path) -> None:
    running = make_folder(folder)
    assert sweep(folder) == []
    assert running.exists()


def test_a_folder_that_is_just_being_made_is_left_alone(folder: Path) -> None:
    young = make_folder(folder)
    (young / OWNER).unlink()
    assert sweep(folder) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_another_users_folder_is_left_alone(folder: Path) -> None:
    theirs = make_folder(folder)
    write_json(theirs / OWNER, GONE)
    os.chown(theirs, 1234, 1234)
    assert sweep(folder) == []


def test_a_real_broker_is_there_for_the_asking(valkey_url: str) -> None:
    import redis

    assert redis.Redis.from_url(valkey_url).ping()
