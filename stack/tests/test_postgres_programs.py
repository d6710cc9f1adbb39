"""Programs and data are taken only from folders that nobody else could have put there."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from stack.paths import StackError, own_folder
from stack.postgres_programs import RunAs, copy_wheel_programs, programs_folder, run_as


def test_the_wheels_programs_are_copied_once_where_all_can_run_them(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADROOM_SHARED_FOLDER", str(folder))
    package = programs_folder(RunAs()).parents[1]
    copied = copy_wheel_programs(package)
    first = (copied / "initdb").stat().st_ino
    answer = subprocess.run([copied / "postgres", "--version"], capture_output=True, check=True)
    assert b"PostgreSQL" in answer.stdout
    assert (copy_wheel_programs(package) / "initdb").stat().st_ino == first
    assert [made.name for made in folder.glob("*-new-*")] == []


def test_a_folder_that_others_may_write_to_is_not_trusted(folder: Path) -> None:
    (folder / "open").mkdir()
    (folder / "open").chmod(0o777)
    with pytest.raises(StackError, match="only you can write to"):
        own_folder(folder / "open")


def test_a_link_in_place_of_the_folder_is_not_trusted(folder: Path) -> None:
    (folder / "real").mkdir(mode=0o700)
    (folder / "link").symlink_to(folder / "real")
    with pytest.raises(StackError, match="only you can write to"):
        own_folder(folder / "link")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_root_runs_the_server_as_the_user_whose_data_it_is(folder: Path) -> None:
    (folder / "data").mkdir()
    os.chown(folder / "data", 1234, 1234)
    assert run_as(owner_of=folder / "data") == RunAs(1234, 1234)


def test_what_a_failing_program_said_is_in_the_error(folder: Path) -> None:
    with pytest.raises(StackError, match=r"ls failed .*no-such-file"):
        RunAs().run("/bin/ls", folder / "no-such-file")
