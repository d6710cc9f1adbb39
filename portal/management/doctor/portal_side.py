"""Settings, database, cache and broker: what every process of the portal needs."""

import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

from celery import current_app
from django.conf import settings
from django.core.cache import cache
from django.db import DatabaseError, connection

from portal.kernel.findings import Finding, failed, warning, well
from portal.readiness import pending_migrations

ANSWER_SECONDS = 10.0
GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def examine_portal() -> Iterator[Finding]:
    """One finding after the other. Nothing here is asked of Azure, and nothing is written."""
    yield examine_settings()
    yield examine_subscription_ids()
    database = in_time("portal.database", "The database", "DATABASE_URL", _database)
    yield from database
    yield from in_time("portal.cache", "The cache", "REDIS_URL", _cache)
    yield from in_time("portal.broker", "The broker", "REDIS_URL", _broker)


def examine_settings() -> Finding:
    """They were read, else no command would run; this says which, and no secret."""
    facts = {
        "mode": str(settings.MODE),
        "cloud": settings.HEADROOM_AZURE_CLOUD,
        "arm_endpoint": settings.AZURE_ARM_ENDPOINT,
        "metrics_endpoint": settings.AZURE_METRICS_ENDPOINT,
        "currency": settings.HEADROOM_CURRENCY,
        "finance_time_zone": settings.HEADROOM_FINANCE_TIME_ZONE,
    }
    sentence = (
        f"Settings are read: mode {facts['mode']}, cloud {facts['cloud']}, "
        f"{facts['arm_endpoint']}, months in {facts['finance_time_zone']}, {facts['currency']}."
    )
    return well("portal.settings", sentence, **facts)


def examine_subscription_ids() -> Finding:
    """Some are named, and each looks like an id rather than a name."""
    check, ids = "portal.subscriptions", settings.HEADROOM_SUBSCRIPTIONS
    if not ids:
        return failed(
            check,
            "No subscription is named, so nothing of Azure is read.",
            fix="Set HEADROOM_SUBSCRIPTIONS to their ids, separated by commas.",
            subscriptions=[],
        )
    wrong = [text for text in ids if not GUID.fullmatch(text)]
    if wrong:
        return failed(
            check,
            f"HEADROOM_SUBSCRIPTIONS holds what is no subscription id: {', '.join(wrong)}.",
            fix="Ids look like 11111111-1111-4111-8111-111111111111: az account list -o table.",
            subscriptions=ids,
        )
    doubled = sorted({text.lower() for text in ids if _count(ids, text) > 1})
    if doubled:
        sentence = f"HEADROOM_SUBSCRIPTIONS names one twice: {', '.join(doubled)}."
        return warning(check, sentence, subscriptions=ids)
    words = "1 subscription is" if len(ids) == 1 else f"{len(ids)} subscriptions are"
    return well(check, f"{words} named.", subscriptions=ids)


def _count(ids: list[str], text: str) -> int:
    return sum(one.lower() == text.lower() for one in ids)


def in_time(
    check: str, name: str, setting: str, ask: Callable[[str], list[Finding]]
) -> list[Finding]:
    """What `ask` found; a failure where it raises or gives no answer in ten seconds.

    In a thread of its own, as the clients below would wait for minutes for a host that is silent.
    """
    found: list[Finding] = []

    def work() -> None:
        try:
            found.extend(ask(check))
        except Exception as error:  # whatever the client raises means the same to an operator
            words = first_line(error)
            fix = f"Look at {setting}, and whether the server runs and lets this machine in."
            found.append(failed(check, f"{name} does not work: {words}.", fix=fix))
        finally:
            connection.close()  # this thread's own

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    worker.join(ANSWER_SECONDS)
    if not found:
        sentence = f"{name} gave no answer in {ANSWER_SECONDS:.0f} seconds."
        return [failed(check, sentence, fix=f"Look at {setting}, and at the way to its host.")]
    return found


def first_line(error: Exception) -> str:
    """The error's first words. Clients name host and user in them, never a password."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].strip().rstrip(".")


def _database(check: str) -> list[Finding]:
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        [version] = cursor.fetchone()
    reached = well(check, f"The database answers (PostgreSQL {version}).", version=version)
    return [reached, _migrations()]


def _migrations() -> Finding:
    check = "portal.migrations"
    try:
        pending = pending_migrations()
    except DatabaseError as error:
        return failed(check, f"The database's tables cannot be read: {first_line(error)}.")
    if pending:
        words = "1 migration is" if pending == 1 else f"{pending} migrations are"
        return failed(
            check,
            f"{words} not applied to the database.",
            fix="Run manage.py migrate.",
            pending=pending,
        )
    return well(check, "The database has all migrations.", pending=0)


def _cache(check: str) -> list[Finding]:
    cache.get("doctor")
    return [well(check, "The cache answers.")]


def _broker(check: str) -> list[Finding]:
    with current_app.connection_for_write() as broker:
        options: dict[str, Any] = {"max_retries": 1, "interval_start": 0.2}
        broker.ensure_connection(**options)
    return [well(check, "The broker answers.")]
