"""One demo alone, or commands together; nobody's other files are ever erased."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from stack import manage
from stack.demo import portal_commands
from stack.embedded import Embedded, is_last, lock_for_command, lock_for_demo
from stack.environment import base_environment, read_json, secret_key, simulator_variables
from stack.paths import PROJECT, StackError
from stack.ports import choose_port
from stack.processes import identity_of, write_json
from stack.stamps import digest_of, is_stamped


def test_two_commands_share_and_the_last_one_ends_the_servers(tmp_path: Path) -> None:
    with lock_for_command(tmp_path) as first, lock_for_command(tmp_path) as second:
        assert not is_last(first)
        assert is_last(second)


def test_no_demo_beside_a_command_and_no_command_beside_a_demo(tmp_path: Path) -> None:
    with lock_for_command(tmp_path), pytest.raises(StackError, match="Wait until it is done"):
        lock_for_demo(tmp_path).__enter__()
    with lock_for_demo(tmp_path), pytest.raises(StackError, match="Wait until it is done"):
        lock_for_command(tmp_path).__enter__()


def test_a_second_demo_is_told_of_the_first(tmp_path: Path) -> None:
    with lock_for_demo(tmp_path):
        write_json(tmp_path / "run.json", identity_of(os.getpid()))
        with pytest.raises(StackError, match=f"running already, as process {os.getpid()}"):
            lock_for_demo(tmp_path).__enter__()


def test_a_folder_with_other_files_is_not_taken_for_the_demos(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(StackError, match="holds other files"):
        lock_for_demo(tmp_path).__enter__()


def test_reset_erases_all_but_the_lock_and_stops_the_servers(folder: Path) -> None:
    data = folder / "demo"
    with lock_for_demo(data):
        embedded = Embedded(data)
        embedded.start()
        (data / "secret-key").touch()
        embedded.erase()
        assert [entry.name for entry in data.iterdir()] == ["demo.lock"]
        assert not embedded.is_alive()


def test_the_key_is_kept_and_only_ours_to_read(tmp_path: Path) -> None:
    key = secret_key(tmp_path / "secret-key")
    assert len(key) >= 50
    assert secret_key(tmp_path / "secret-key") == key
    assert (tmp_path / "secret-key").stat().st_mode & 0o777 == 0o600


def test_a_real_azures_credentials_do_not_reach_the_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "real")
    monkeypatch.setenv("IDENTITY_ENDPOINT", "http://real")
    monkeypatch.setenv("NO_PROXY", "example.com")
    environment = base_environment()
    assert "AZURE_CLIENT_SECRET" not in environment
    assert "IDENTITY_ENDPOINT" not in environment
    assert environment["NO_PROXY"] == "example.com,127.0.0.1,localhost"


def test_the_simulators_note_becomes_the_portals_environment() -> None:
    ready = {
        "arm_endpoint": "https://127.0.0.1:5",
        "metrics_endpoint": "https://127.0.0.1:5/metrics/{region}",
        "logs_endpoint": "https://127.0.0.1:5",
        "control_url": "https://127.0.0.1:5/_sim",
        "identity_endpoint": "http://127.0.0.1:6/msi/token",
        "identity_header": "secret",
        "ca_file": "/state/tls/ca.pem",
        "subscriptions": ["one", "two"],
        "workspaces": ["3f2504e0-4f89-41d3-9a0c-0305e82c3301"],
    }
    variables = simulator_variables(ready)
    assert variables["HEADROOM_SUBSCRIPTIONS"] == "one,two"
    assert variables["HEADROOM_LOG_WORKSPACES"] == "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
    assert variables["AZURE_LOGS_ENDPOINT"] == "https://127.0.0.1:5"
    assert variables["REQUESTS_CA_BUNDLE"] == "/state/tls/ca.pem"
    assert variables["AZURE_METRICS_ENDPOINT"].endswith("{region}")


def test_half_a_file_is_no_answer(tmp_path: Path) -> None:
    (tmp_path / "ready.json").write_text('{"arm_end')
    assert read_json(tmp_path / "ready.json") is None
    assert read_json(tmp_path / "missing.json") is None


def test_a_taken_port_is_refused_if_asked_for_and_passed_over_if_not() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        with pytest.raises(StackError, match=f"Port {taken} is taken"):
            choose_port(taken)
        assert choose_port(None) != taken


def test_a_stamp_follows_the_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stack.stamps.PROJECT", tmp_path)
    file, stamp = tmp_path / "page.css", tmp_path / "stamp"
    file.write_text("a")
    stamp.write_text(digest_of([file]))
    os.utime(file, (1, 1))
    assert is_stamped(stamp, digest_of([file]))
    file.write_text("b")
    assert not is_stamped(stamp, digest_of([file]))


def test_the_web_server_listens_on_this_machine_alone() -> None:
    assert "127.0.0.1:8123" in portal_commands(8123, Path("/x"))["web"]


def test_manage_joins_a_running_demo_and_no_other(tmp_path: Path) -> None:
    note = {**identity_of(os.getpid()), "environment": {"REDIS_URL": "unix:///x"}}
    write_json(tmp_path / "run.json", note)
    assert manage.running_demo(tmp_path) == {"REDIS_URL": "unix:///x"}
    (tmp_path / "run.json").write_text(json.dumps(note | {"born": 0}))
    assert manage.running_demo(tmp_path) is None


def test_manage_runs_a_command_on_servers_of_its_own_and_stops_them(folder: Path) -> None:
    data = folder / "demo"
    environment = {**os.environ, "HEADROOM_DEMO_FOLDER": str(data)}
    del environment["DATABASE_URL"], environment["HEADROOM_MODE"]
    query = "from django.db import connection as c; print(c.settings_dict['NAME'], c.pg_version)"
    answer = subprocess.run(
        [sys.executable, "-m", "stack.manage", "shell", "-v0", "-c", query],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert answer.stdout.startswith("headroom 1"), answer.stderr
    assert not Embedded(data).is_alive()
