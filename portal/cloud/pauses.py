"""When an endpoint of Azure is left alone: a circuit breaker, and the waits that Azure asked for.

**Breaker**, per endpoint (plane and address). Five calls in a row that failed (no answer, a broken
one, 5xx; for a read that is up to four tries each), none more than 15 minutes after the one before,
pause it for 30 seconds. Then one call is let through: if Azure answers, all is as before; if not,
the pause doubles, up to five minutes. Any answer below 500 is an answer, so a 4xx never counts.

**Wait**, per endpoint and subscription, as Azure's limits are: a 429 or 503 that asks for more than
a worker sleeps (20 s) is kept as a "not before" for all calls there, an hour at most (a mistaken
header must not switch the portal off).

Shared by all processes: a worker has one process per call under way, so a breaker in each would
need five failures of every one of them before it helped. Two processes that fail in the same
instant may count as one; that costs one more failed call and needs no lock.
"""

from dataclasses import dataclass
from enum import StrEnum

from portal.cloud import shared
from portal.cloud.endpoints import Endpoint

FAILURES_TO_PAUSE = 5
WINDOW_SECONDS = 900.0
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 30.0, 300.0
# The one call that tries has this long: the patience of a read, and its last read timeout.
PROBE_SECONDS = 180.0
# The others look again after this while it tries.
WHILE_PROBING_SECONDS = 10.0
LONGEST_WAIT_SECONDS = 3600.0


class Why(StrEnum):
    FAILED = "failed"
    THROTTLED = "throttled"


@dataclass(frozen=True)
class Pause:
    """`until` is epoch seconds of real time; `failures` are calls in a row."""

    endpoint: Endpoint
    why: Why
    until: float
    failures: int = 0
    subscription_id: str = ""  # "" is all of them


@dataclass(frozen=True)
class _Failing:
    """What the cache keeps of an endpoint that failed lately; `until` 0 before the first pause."""

    failures: int = 0
    until: float = 0.0
    pause_seconds: float = 0.0


def pause_before(endpoint: Endpoint, subscription_id: str, *, at: float) -> Pause | None:
    """Why a call must not be sent now; None lets it through.

    After the pause of a breaker this is None for one caller: the others wait for how it fares.
    """
    found = shared.read([_failing_key(endpoint), _wait_key(endpoint, subscription_id)])
    wait = found.get(_wait_key(endpoint, subscription_id), 0.0)
    if wait > at:
        return Pause(endpoint, Why.THROTTLED, wait, subscription_id=subscription_id)
    failing: _Failing = found.get(_failing_key(endpoint), _Failing())
    if not failing.until:
        return None
    until = failing.until
    if until <= at:
        if shared.claim(_probe_key(endpoint), PROBE_SECONDS):
            return None
        until = at + WHILE_PROBING_SECONDS
    return Pause(endpoint, Why.FAILED, until, failing.failures)


def note_answer(endpoint: Endpoint) -> None:
    """Azure answered, with whatever below 500."""
    if shared.read([_failing_key(endpoint)]):
        shared.drop(_failing_key(endpoint), _probe_key(endpoint))


def note_failure(endpoint: Endpoint, *, at: float) -> None:
    """A call failed for good: no answer, a broken one, or 5xx."""
    key = _failing_key(endpoint)
    before: _Failing = shared.read([key]).get(key, _Failing())
    failures, pause, until = before.failures + 1, before.pause_seconds, before.until
    if failures >= FAILURES_TO_PAUSE and until <= at:
        pause = min(pause * 2 or FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS)
        until = at + pause
    shared.keep(key, _Failing(failures, until, pause), WINDOW_SECONDS + pause)
    shared.drop(_probe_key(endpoint))


def note_wait(endpoint: Endpoint, subscription_id: str, seconds: float, *, at: float) -> None:
    """Azure asked for a wait that is longer than a worker sleeps."""
    seconds = min(seconds, LONGEST_WAIT_SECONDS)
    shared.keep(_wait_key(endpoint, subscription_id), at + seconds, seconds)


def pauses_of(endpoint: Endpoint, subscription_ids: list[str], *, at: float) -> list[Pause]:
    """For people: what is paused now. Claims nothing."""
    waits = {_wait_key(endpoint, each): each for each in subscription_ids}
    found = shared.read([_failing_key(endpoint), *waits])
    failing: _Failing = found.get(_failing_key(endpoint), _Failing())
    pauses = [
        Pause(endpoint, Why.THROTTLED, found[key], subscription_id=each)
        for key, each in waits.items()
        if found.get(key, 0.0) > at
    ]
    if failing.until:
        pauses.insert(0, Pause(endpoint, Why.FAILED, failing.until, failing.failures))
    return pauses


def _failing_key(endpoint: Endpoint) -> str:
    return f"failing:{endpoint.plane}:{endpoint.address}"


def _probe_key(endpoint: Endpoint) -> str:
    return f"probe:{endpoint.plane}:{endpoint.address}"


def _wait_key(endpoint: Endpoint, subscription_id: str) -> str:
    return f"wait:{endpoint.plane}:{endpoint.address}:{subscription_id.lower()}"
