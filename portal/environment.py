"""Reads the environment, and refuses with a sentence what it cannot use.

Everything that an operator may set passes through here once, when the process starts, so a wrong
value stops the start instead of a job at three in the morning.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


class Mode(StrEnum):
    PRODUCTION = "production"
    DEMO = "demo"
    TEST = "test"


class SettingMissing(SystemExit):
    """Ends the process with a sentence that names the variable and what to put there."""

    def __init__(self, name: str, sentence: str) -> None:
        super().__init__(f"headroom: {name}: {sentence}")


@dataclass(frozen=True)
class Environment:
    """Named variables of one process. `values` is os.environ, or a dictionary in tests."""

    values: Mapping[str, str]

    def text(self, name: str, default: str | None = None, *, why: str = "") -> str:
        value = self.values.get(name, "").strip()
        if value:
            return value
        if default is None:
            raise SettingMissing(name, f"is not set. {why}".strip())
        return default

    def names(self, name: str, default: str = "") -> list[str]:
        return [part.strip() for part in self.text(name, default).split(",") if part.strip()]

    def guids(self, name: str, *, why: str) -> list[str]:
        """Ids of 32 hexadecimal digits, each once, in lower case with hyphens."""
        found = [_guid(name, text, why) for text in self.names(name)]
        return list(dict.fromkeys(found))

    def mode(self) -> Mode:
        value = self.text("HEADROOM_MODE", Mode.PRODUCTION)
        try:
            return Mode(value)
        except ValueError:
            known = ", ".join(Mode)
            raise SettingMissing(
                "HEADROOM_MODE", f"is {value!r}; it must be one of: {known}."
            ) from None

    def choice(self, name: str, default: str, known: Iterable[str]) -> str:
        """One of the known words, whatever its case."""
        value = self.text(name, default).lower()
        if value not in (words := list(known)):
            raise SettingMissing(name, f"is {value!r}; it must be one of: {', '.join(words)}.")
        return value

    def words(self, name: str, default: str, *, known: Iterable[str], why: str) -> list[str]:
        """As many of the known words as the default has, in its order."""
        found, allowed = [word.lower() for word in self.names(name, default)], list(known)
        if len(found) != default.count(",") + 1 or not set(found) <= set(allowed):
            raise SettingMissing(
                name,
                f"is {','.join(found)!r}; it must be {default.count(',') + 1} words, each of "
                f"{', '.join(allowed)}, such as {default}. {why}",
            )
        return found

    def months(self, name: str, default: int, *, least: int, why: str) -> int:
        """A whole number of months, at least so many; 0 (for ever) where `least` is 0."""
        value = self.text(name, str(default))
        if not value.isdecimal() or int(value) < least:
            raise SettingMissing(
                name, f"is {value!r}; it must be a whole number of months from {least} on. {why}"
            )
        return int(value)

    def whole(self, name: str, default: int, *, least: int, most: int, why: str) -> int:
        """A whole number between the two, both allowed."""
        value = self.text(name, str(default))
        if not value.isdecimal() or not least <= int(value) <= most:
            raise SettingMissing(
                name, f"is {value!r}; it must be a whole number from {least} to {most}. {why}"
            )
        return int(value)

    def hours_by_tier(self, name: str, default: str, *, why: str) -> tuple[int, int, int, int]:
        """Four whole numbers of hours, for the tiers 1 to 4."""
        parts = self.names(name, default)
        if len(parts) != 4 or not all(part.isdecimal() and int(part) <= 720 for part in parts):
            raise SettingMissing(
                name,
                f"is {','.join(parts)!r}; it must be four whole numbers of hours from 0 to 720, "
                f"for the tiers 1 to 4, such as {default}. {why}",
            )
        first, second, third, fourth = map(int, parts)
        return first, second, third, fourth

    def https(self, name: str, default: str) -> str:
        value = self.text(name, default).rstrip("/")
        if urlsplit(value).scheme != "https":
            raise SettingMissing(name, f"is {value!r}; it must be an https:// address.")
        return value

    def zone(self, name: str, default: str) -> str:
        value = self.text(name, default)
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError):
            raise SettingMissing(
                name, f"is {value!r}; use a name such as Europe/Amsterdam or UTC."
            ) from None
        return value

    def database(self, name: str = "DATABASE_URL") -> dict[str, object]:
        """`postgresql://user:password@host:port/name`, or `…@/name?host=/socket/folder`."""
        value = self.text(
            name,
            why="Set it to postgresql://user:password@host:5432/headroom, or run ./headroom demo.",
        )
        url = urlsplit(value)
        if url.scheme not in {"postgresql", "postgres"}:
            raise SettingMissing(
                name, "must begin with postgresql:// (no other database is supported)."
            )
        query = parse_qs(url.query)
        options = {key: found[0] for key, found in query.items() if key != "host"}
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": url.path.lstrip("/") or "headroom",
            "USER": unquote(url.username or ""),
            "PASSWORD": unquote(url.password or ""),
            "HOST": query.get("host", [url.hostname or ""])[0],
            "PORT": str(url.port or ""),
            "CONN_MAX_AGE": 60,
            "CONN_HEALTH_CHECKS": True,
            "OPTIONS": options,
        }

    def redis(self, name: str = "REDIS_URL") -> "RedisUrl":
        value = self.text(name, why="Set it to redis://host:6379 or rediss://host:6380.").rstrip(
            "/"
        )
        if urlsplit(value).scheme not in {"redis", "rediss", "unix"}:
            raise SettingMissing(
                name, f"is {value!r}; it must begin with redis://, rediss:// or unix://."
            )
        return RedisUrl(value)


@dataclass(frozen=True)
class RedisUrl:
    """One server, three numbered databases: broker 0, results 1, cache 2."""

    url: str

    def for_celery(self, database: int) -> str:
        if self.url.startswith("unix://"):
            return f"redis+socket://{self.url[len('unix://') :]}?virtual_host={database}"
        return f"{self.url}/{database}"

    def for_cache(self, database: int) -> str:
        if self.url.startswith("unix://"):
            return f"{self.url}?db={database}"
        return f"{self.url}/{database}"


def _guid(name: str, text: str, why: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise SettingMissing(name, f"holds {text!r}, which is no GUID. {why}") from None


def environment() -> Environment:
    return Environment(os.environ)
