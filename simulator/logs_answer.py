"""The answer to ``// headroom:callers v1``: a row per minute, subscription, host and deployment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from simulator.account_json import openai_host
from simulator.clock import MINUTES_PER_DAY, SECONDS_PER_MINUTE, iso_of_minute
from simulator.gateway_traffic import Split
from simulator.gateway_window import split_of
from simulator.gateways import Gateway
from simulator.hashing import Floats, Ints, key_of, uniforms
from simulator.state import State

COLUMNS = (
    ("Minute", "datetime"),
    ("Caller", "string"),
    ("Product", "string"),
    ("AccountHost", "string"),
    ("Deployment", "string"),
    ("Ok", "long"),
    ("Throttled", "long"),
    ("ThrottledByGateway", "long"),
    ("Filtered", "long"),
    ("Other", "long"),
    ("Prompt", "long"),
    ("Generated", "long"),
)
Row = list[Any]


@dataclass(frozen=True)
class _View:
    """The callers of one deployment; ``shown`` is the share of each minute's rows that is there."""

    host: str
    deployment: str
    part: Split
    minutes: Ints
    shown: Floats
    logs_bodies: bool
    token_error: float
    key: int

    def seen(self, counts: Ints, row: int) -> Ints:
        """What has arrived of a caller's counts."""
        return np.floor(counts[row] * self.shown).astype(np.int64)

    def estimated(self, counts: Ints, row: int) -> Ints:
        """Tokens as the gateway counts them."""
        key = key_of(self.key, "token error", self.part.callers[row].id)
        error = self.token_error * (2.0 * uniforms(key, self.minutes) - 1.0)
        return np.rint(self.seen(counts, row) * (1.0 + error)).astype(np.int64)


def caller_rows(state: State, gateway: Gateway, minutes: Ints) -> Iterator[Row]:
    """What the logs show now of these consecutive epoch minutes; nothing of the bypass."""
    if not minutes.size:
        return
    shown = _shown(state, minutes)
    for backend in gateway.backends:
        account, _, deployment = backend.deployment.partition("/")
        view = _View(
            host=_host(state, account),
            deployment=deployment,
            part=split_of(state, gateway, backend, minutes),
            minutes=minutes,
            shown=shown,
            logs_bodies=gateway.logs_bodies,
            token_error=state.knobs.logs_token_error,
            key=key_of(state.world.seed, gateway.name, backend.deployment),
        )
        for row in range(len(view.part.callers)):
            yield from _arrived(view, row)
            yield from _refused(view, row)


def _host(state: State, name: str) -> str:
    """Of a living account; of one that is gone, what Azure gives by default."""
    found = [each for each in state.world.accounts if each.name.lower() == name]
    return openai_host(found[0]) if found else f"{name}.openai.azure.com"


def _shown(state: State, minutes: Ints) -> Floats:
    now, knobs = state.clock.now().timestamp() / SECONDS_PER_MINUTE, state.knobs
    visible_for = now - knobs.logs_latency_minutes - (minutes + 1)
    arrived = np.minimum((visible_for + 1) / (knobs.logs_late_minutes + 1), 1.0)
    oldest = np.floor(now - knobs.logs_retention_days * MINUTES_PER_DAY)
    share: Floats = np.where((visible_for >= 0) & (minutes >= oldest), arrived, 0.0)
    return share


def _arrived(view: _View, row: int) -> Iterator[Row]:
    """Calls that reached the deployment. Without bodies nothing tells which 400s were filtered."""
    part, caller = view.part, view.part.callers[row]
    ok, throttled = view.seen(part.ok, row), view.seen(part.throttled, row)
    filtered, bad = view.seen(part.filtered, row), view.seen(part.bad, row)
    failed = view.seen(part.failed, row)
    prompt, generated = view.estimated(part.prompt, row), view.estimated(part.generated, row)
    is_known = (filtered + bad == 0) | view.logs_bodies
    other = np.where(is_known, bad, filtered + bad) + failed
    for at in np.flatnonzero(ok + throttled + filtered + bad + failed).tolist():
        yield [
            iso_of_minute(int(view.minutes[at])), caller.id, caller.product,
            view.host, view.deployment,
            int(ok[at]), int(throttled[at]), 0, int(filtered[at]) if is_known[at] else None,
            int(other[at]), int(prompt[at]), int(generated[at]),
        ]  # fmt: skip


def _refused(view: _View, row: int) -> Iterator[Row]:
    """The gateway's own refusals: they never had a backend, so no host is logged."""
    caller, refused = view.part.callers[row], view.seen(view.part.throttled_by_gateway, row)
    for at in np.flatnonzero(refused).tolist():
        yield [
            iso_of_minute(int(view.minutes[at])), caller.id, caller.product, "", view.deployment,
            0, 0, int(refused[at]), 0, 0, 0, 0,
        ]  # fmt: skip
