"""A wrong or missing setting ends the start with a sentence that names it."""

import pytest

from portal.environment import Environment, SettingMissing


def env(**values: str) -> Environment:
    return Environment(values)


@pytest.mark.parametrize(
    ("values", "ask", "says"),
    [
        ({"HEADROOM_MODE": "prod"}, lambda e: e.mode(), "production, demo, test"),
        ({}, lambda e: e.database(), "DATABASE_URL"),
        ({"DATABASE_URL": "sqlite:///x"}, lambda e: e.database(), "postgresql://"),
        ({"REDIS_URL": "localhost"}, lambda e: e.redis(), "rediss://"),
        ({"A": "http://arm"}, lambda e: e.https("A", "https://x"), "https://"),
        ({"C": "germany"}, lambda e: e.choice("C", "a", ["public", "china"]), "public, china"),
        ({"W": "my-workspace"}, lambda e: e.guids("W", why="Its id."), "no GUID. Its id."),
        ({"T": "24,8"}, lambda e: e.hours_by_tier("T", "24,8,2,0", why=""), "four whole numbers"),
        ({"T": "1,2,3,x"}, lambda e: e.hours_by_tier("T", "24,8,2,0", why=""), "'1,2,3,x'"),
        ({"R": "region"}, lambda e: e.words("R", "a,b", known="abc", why=""), "it must be 2 words"),
        ({"R": "a,x"}, lambda e: e.words("R", "a,b", known="abc", why="W."), "of a, b, c, such"),
        ({"D": "94"}, lambda e: e.whole("D", 28, least=1, most=93, why="Why."), "to 93. Why."),
        ({"D": "x"}, lambda e: e.whole("D", 28, least=1, most=93, why=""), "whole number from 1"),
        ({"Z": "Mars/Olympus"}, lambda e: e.zone("Z", "UTC"), "Europe/Amsterdam"),
    ],
)
def test_each_wrong_value_gets_a_sentence(values, ask, says) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(SettingMissing) as stopped:
        ask(env(**values))
    assert says in str(stopped.value)


def test_guids_are_kept_once_and_in_one_spelling() -> None:
    one = "3F2504E0-4F89-41D3-9A0C-0305E82C3301"
    assert env(W=f"{one}, {one.lower()}").guids("W", why="") == [one.lower()]
    assert env().guids("W", why="") == []


def test_a_socket_folder_is_a_host() -> None:
    found = env(DATABASE_URL="postgresql://me@/portal?host=/tmp/s").database()
    assert (found["HOST"], found["NAME"], found["USER"]) == ("/tmp/s", "portal", "me")  # noqa: S108


def test_a_password_may_hold_any_character() -> None:
    found = env(DATABASE_URL="postgresql://me:p%40ss%2F@db:5433/portal?sslmode=require").database()
    assert (found["PASSWORD"], found["PORT"]) == ("p@ss/", "5433")
    assert found["OPTIONS"] == {"sslmode": "require"}


def test_one_redis_serves_broker_and_cache() -> None:
    unix = env(REDIS_URL="unix:///run/valkey").redis()
    assert unix.for_celery(0) == "redis+socket:///run/valkey?virtual_host=0"
    assert unix.for_cache(2) == "unix:///run/valkey?db=2"
    plain = env(REDIS_URL="rediss://cache:6380/").redis()
    assert (plain.for_celery(1), plain.for_cache(2)) == (
        "rediss://cache:6380/1",
        "rediss://cache:6380/2",
    )
