"""The embedded PostgreSQL starts whatever happened to it before."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg
import pytest

from stack.paths import StackError, fits_a_socket, socket_folder
from stack.postgres import Postgres, first_number
from stack.tests.conftest import start_four_at_once


def ask(server: Postgres, query: str, database: str = "postgres") -> object:
    with psycopg.connect(server.url(database), autocommit=True) as connection:
        row = connection.execute(query).fetchone()
        return row[0] if row else None


def postmaster(server: Postgres) -> int:
    number = first_number(server.data / "postmaster.pid")
    assert number
    return number


def test_what_was_committed_is_there_after_a_restart(postgres: Postgres) -> None:
    postgres.start().create_database("headroom")
    postgres.create_database("headroom")  # a second time is no error
    with psycopg.connect(postgres.url("headroom")) as connection:
        connection.execute("create extension btree_gist")
        connection.execute("create table kept (number int)")
        connection.execute("insert into kept values (7)")
    postgres.stop()
    assert not postgres.answers()
    postgres.start()
    assert ask(postgres, "select number from kept", "headroom") == 7
    assert ask(postgres, "show timezone") == "UTC"
    assert ask(postgres, "show listen_addresses") == ""


def test_four_that_start_at_once_get_one_server(folder: Path) -> None:
    postgres = Postgres(folder / "postgres", throw_away=True)
    codes = start_four_at_once("stack.postgres", "Postgres", postgres.folder)
    try:
        assert codes == [0, 0, 0, 0]
        assert ask(postgres, "select 1") == 1
        assert postgres.log.read_text().count("database system is ready") == 1
    finally:
        postgres.stop(how="immediate")


def test_it_starts_again_after_kill_9(postgres: Postgres) -> None:
    postgres.start()
    killed = postmaster(postgres)
    os.kill(killed, signal.SIGKILL)
    postgres.start()
    assert postmaster(postgres) != killed
    assert ask(postgres, "select 1") == 1


@pytest.fixture
def sleeper() -> subprocess.Popen[bytes]:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    yield process
    process.kill()
    process.wait()


def test_a_lock_file_that_names_another_living_program_is_cleared(
    postgres: Postgres, sleeper: subprocess.Popen[bytes]
) -> None:
    postgres.start()
    lock = (postgres.data / "postmaster.pid").read_text()
    postgres.stop()
    for file in (postgres.data / "postmaster.pid", postgres.sockets / ".s.PGSQL.5432.lock"):
        file.write_text(lock.replace(lock.splitlines()[0], str(sleeper.pid), 1))
    postgres.start()
    assert ask(postgres, "select 1") == 1
    assert sleeper.poll() is None, "the other program must not be touched"


def test_a_lock_file_that_names_another_folders_postgres_is_cleared(
    postgres: Postgres, folder: Path
) -> None:
    postgres.start()
    other = Postgres(folder / "other", throw_away=True).start()
    try:
        lock = (postgres.data / "postmaster.pid").read_text()
        postgres.stop()
        stale = lock.replace(lock.splitlines()[0], str(postmaster(other)), 1)
        (postgres.data / "postmaster.pid").write_text(stale)
        postgres.start()
        assert ask(postgres, "select 1") == 1
        assert ask(other, "select 1") == 1
    finally:
        other.stop(how="immediate")


def test_a_zombie_does_not_keep_it_from_starting(
    postgres: Postgres, sleeper: subprocess.Popen[bytes]
) -> None:
    postgres.start()
    lock = (postgres.data / "postmaster.pid").read_text()
    postgres.stop()
    sleeper.kill()
    time.sleep(0.2)  # dead, and not waited for: a zombie until the fixture collects it
    (postgres.data / "postmaster.pid").write_text(
        lock.replace(lock.splitlines()[0], str(sleeper.pid), 1)
    )
    assert ask(postgres.start(), "select 1") == 1


def test_an_interrupted_initdb_is_begun_anew(folder: Path) -> None:
    postgres = Postgres(folder / "postgres", throw_away=True)
    half = postgres.folder / "data.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    try:
        assert ask(postgres.start(), "select 1") == 1
        assert not half.exists()
    finally:
        postgres.stop(how="immediate")


@pytest.mark.parametrize("name", ["a_very_long_name_" * 5, "my wörk", "100%"])
def test_a_path_that_suits_no_socket_gets_a_short_one_elsewhere(
    folder: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    assert socket_folder(folder / "plain") == folder / "plain" / "s"
    short = socket_folder(folder / name)
    assert folder / name not in short.parents
    assert fits_a_socket(short)


def test_the_server_runs_under_such_a_path(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    odd = folder / ("my wörk 100% " + "a_very_long_name_" * 5) / "postgres"
    odd.parent.mkdir()
    odd.parent.chmod(0o711)
    server = Postgres(odd, throw_away=True)
    try:
        assert ask(server.start(), "select 1") == 1
        assert server.data.is_relative_to(odd)
    finally:
        server.stop(how="immediate")


def test_data_of_another_version_is_refused_with_a_sentence(postgres: Postgres) -> None:
    postgres.start().stop()
    true_version = (postgres.data / "PG_VERSION").read_text()
    (postgres.data / "PG_VERSION").write_text("14\n")
    with pytest.raises(StackError, match=r"made by PostgreSQL 14.*--reset"):
        postgres.start()
    (postgres.data / "PG_VERSION").write_text(true_version)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become another user")
def test_as_root_it_runs_as_nobody_and_a_closed_home_stays_closed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, shared = folder / "home", folder / "shared"
    home.mkdir(mode=0o700)
    shared.mkdir(mode=0o711)
    monkeypatch.setenv("HEADROOM_SHARED_FOLDER", str(shared))
    server = Postgres(home / "var" / "postgres", throw_away=True)
    try:
        assert ask(server.start(), "select 1") == 1
        assert server.folder.is_relative_to(shared)
        assert home.stat().st_mode & 0o777 == 0o700
        assert server.data.stat().st_uid != 0
        assert Path(f"/proc/{postmaster(server)}").stat().st_uid == server.user.user_id
    finally:
        server.stop(how="immediate")
