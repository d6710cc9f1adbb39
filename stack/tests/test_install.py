"""What `./headroom` installs, when, and what it says where it cannot."""

from __future__ import annotations

import fcntl
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from stack import install
from stack.install import Level, ensure_installed
from stack.paths import StackError


class Programs:
    """Stands for the programs that the installer runs: notes each call, can be told to fail."""

    def __init__(self, project: Path) -> None:
        self.project, self.calls, self.failing = project, [], set()

    def __call__(self, *command: Path | str) -> bool:
        words = [str(word).removeprefix(f"{self.project}/") for word in command]
        self.calls.append(" ".join(words))
        if any(failing in self.calls[-1] for failing in self.failing):
            return False
        if "venv" in words and words[-1] in {".venv", ".tools/uv"}:
            self.make(words[-1], "python", "pip")
        if "requirements/installer.txt" in words:
            self.make(".tools/uv", "uv")
        return True

    def make(self, environment: str, *names: str) -> None:
        folder = self.project / environment / "bin"
        folder.mkdir(parents=True, exist_ok=True)
        for name in names:
            (folder / name).touch()

    def installed(self) -> list[str]:
        """The requirements files installed, in order."""
        words = [word for call in self.calls for word in call.split()]
        return [word for word in words if word.startswith("requirements/")]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "requirements").mkdir()
    for name in ("demo", "dev", "installer"):
        (tmp_path / "requirements" / f"{name}.txt").write_text(f"{name}==1\n")
    monkeypatch.setattr(install, "PROJECT", tmp_path)
    monkeypatch.setattr(install.shutil, "which", lambda name: None)
    monkeypatch.setenv("HEADROOM_DEMO_FOLDER", str(tmp_path / "var"))
    return tmp_path


@pytest.fixture
def programs(project: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    fake = Programs(project)
    monkeypatch.setattr(install, "succeeds", fake)
    return fake


def test_the_first_start_installs_and_the_second_does_nothing(
    project: Path, programs: Programs
) -> None:
    assert ensure_installed(Level.DEMO) == project / ".venv/bin/python"
    assert programs.installed() == ["requirements/installer.txt", "requirements/demo.txt"]
    programs.calls.clear()
    ensure_installed(Level.DEMO)
    assert programs.calls == []


def test_a_changed_lock_is_installed_again(project: Path, programs: Programs) -> None:
    ensure_installed(Level.DEMO)
    programs.calls.clear()
    (project / "requirements/demo.txt").write_text("demo==2\n")
    ensure_installed(Level.DEMO)
    assert programs.installed() == ["requirements/demo.txt"]


def test_the_demo_never_takes_the_test_packages_away(project: Path, programs: Programs) -> None:
    ensure_installed(Level.DEMO)
    ensure_installed(Level.DEV)
    programs.calls.clear()
    ensure_installed(Level.DEMO)
    assert programs.calls == []
    (project / "requirements/demo.txt").write_text("demo==2\n")
    ensure_installed(Level.DEMO)
    assert programs.installed() == ["requirements/dev.txt"]


def test_an_interrupted_installation_is_done_again(project: Path, programs: Programs) -> None:
    programs.failing = {"requirements/demo.txt"}
    with pytest.raises(StackError, match="could not be installed"):
        ensure_installed(Level.DEMO)
    programs.failing = set()
    programs.calls.clear()
    ensure_installed(Level.DEMO)
    assert programs.installed() == ["requirements/demo.txt"]


def test_an_environment_whose_python_is_gone_is_made_again(
    project: Path, programs: Programs
) -> None:
    ensure_installed(Level.DEMO)
    (project / ".venv/bin/python").unlink()
    programs.calls.clear()
    ensure_installed(Level.DEMO)
    assert [call.split()[1] for call in programs.calls] == ["venv", "pip"]


def test_pip_installs_where_uv_cannot_be_had(project: Path, programs: Programs) -> None:
    programs.failing = {"installer.txt"}
    ensure_installed(Level.DEMO)
    assert programs.calls[-1].startswith(".venv/bin/python -m pip install")
    assert not (project / ".tools/uv").exists()


def test_pip_is_added_to_an_environment_that_uv_made_and_nothing_is_removed(
    project: Path, programs: Programs
) -> None:
    programs.make(".venv", "python", "in-use")
    programs.failing = {"installer.txt"}
    ensure_installed(Level.DEMO)
    assert ".venv/bin/python -m ensurepip" in programs.calls
    assert (project / ".venv/bin/in-use").exists()


def test_without_an_index_it_says_what_to_do(programs: Programs) -> None:
    programs.failing = {"requirements/"}
    with pytest.raises(StackError, match="check the network"):
        ensure_installed(Level.DEMO)


@pytest.fixture
def bare_python(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """A Python that lacks these modules, as Debian's does."""
    missing = {"pip"}
    find = importlib.util.find_spec
    monkeypatch.setattr(
        install.importlib.util, "find_spec", lambda name: None if name in missing else find(name)
    )
    return missing


def test_a_python_without_pip_makes_an_environment_for_it(
    programs: Programs, bare_python: set[str]
) -> None:
    ensure_installed(Level.DEMO)
    assert any(call.endswith("-m venv .tools/uv") for call in programs.calls)
    assert programs.installed() == ["requirements/installer.txt", "requirements/demo.txt"]


def test_without_python3_venv_it_names_the_package(
    programs: Programs, bare_python: set[str]
) -> None:
    bare_python.add("ensurepip")
    with pytest.raises(StackError, match=r"sudo apt install python3\.\d+-venv"):
        ensure_installed(Level.DEMO)


def test_a_stamp_that_cannot_be_read_counts_as_none(project: Path, programs: Programs) -> None:
    ensure_installed(Level.DEMO)
    for nonsense in ("", "[]", '{"level": "high"}', '{"level": 9, "locks": 7}'):
        (project / ".venv/headroom.json").write_text(nonsense)
        programs.calls.clear()
        ensure_installed(Level.DEMO)
        assert programs.installed() == ["requirements/demo.txt"]


def test_under_a_running_demo_packages_are_added_but_not_changed(
    project: Path, programs: Programs
) -> None:
    ensure_installed(Level.DEMO)
    (project / "var").mkdir()
    with open(project / "var/demo.lock", "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        ensure_installed(Level.DEV)
        (project / "requirements/demo.txt").write_text("demo==2\n")
        with pytest.raises(StackError, match="the demo is running"):
            ensure_installed(Level.DEV)


def test_two_at_once_install_one_after_the_other(
    project: Path, programs: Programs, capsys: pytest.CaptureFixture[str]
) -> None:
    """The second one waits for the lock that another process holds."""
    (project / ".tools").mkdir()
    hold = (
        "import fcntl, sys, time; lock = open(sys.argv[1], 'w'); fcntl.flock(lock, fcntl.LOCK_EX);"
        "print(flush=True); time.sleep(0.3)"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", hold, project / ".tools/lock"], stdout=subprocess.PIPE
    )
    assert holder.stdout
    holder.stdout.readline()
    ensure_installed(Level.DEMO)
    assert holder.wait() == 0
    assert "waiting for it" in capsys.readouterr().out
