"""What showback needs from outside: metrics, callers of shared deployments, the finance zone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Protocol
from zoneinfo import ZoneInfo

import numpy as np
from django.conf import settings
from django.utils.module_loading import import_string
from numpy.typing import NDArray

from portal.kernel.windows import Window
from showback.domain.measures import MEASURES, MISSING

__all__ = [
    "CALLER_MEASURES",
    "MEASURES",
    "MISSING",
    "CallerAnswer",
    "CallerKey",
    "CallerSeries",
    "CallerSource",
    "MetricsAnswer",
    "Series",
    "UsageSource",
    "caller_source",
    "finance_zone",
    "usage_source",
]


@dataclass(frozen=True)
class Series:
    """One deployment over a window: int64 (MEASURES, slots), MISSING where nothing came."""

    table: NDArray[np.int64]

    @classmethod
    def of(cls, values: Mapping[str, NDArray[np.int64]]) -> "Series":
        """A measure that is not named is MISSING throughout."""
        nothing = np.full_like(next(iter(values.values())), MISSING)
        return cls(np.stack([values.get(measure, nothing) for measure in MEASURES]))

    @property
    def values(self) -> dict[str, NDArray[np.int64]]:
        return dict(zip(MEASURES, self.table, strict=True))


@dataclass(frozen=True)
class MetricsAnswer:
    """Keys are (account resource id in lower case, deployment name in lower case).

    A deployment that no metric named is absent. `failed_measures` names, per account (lower case),
    the measures that the source could not answer in the older family of metrics (`OLDER`): gaps,
    not zeros; `failed_newer` the same in the newer one, which matters to deployments counted there.
    `families` has one element for each slot: the families (bits) it was read from, 0 for none.
    `problems` are sentences; `newer_problems`, by account, those on the newer family.
    `clock_behind` is how far the source's clock is behind ours, nought where it is not.
    """

    window: Window
    grain: timedelta
    series: Mapping[tuple[str, str], Series]
    failed_measures: Mapping[str, frozenset[str]]
    problems: tuple[str, ...] = ()
    families: Mapping[tuple[str, str], NDArray[np.int8]] = field(default_factory=dict)
    failed_newer: Mapping[str, frozenset[str]] = field(default_factory=dict)
    newer_problems: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    clock_behind: timedelta = timedelta()


class UsageSource(Protocol):
    def pull(
        self,
        *,
        subscription_id: str,
        region: str,
        account_resource_ids: Sequence[str],
        window: Window,
        grain: timedelta,
    ) -> MetricsAnswer:
        """All deployments of these accounts (any number: split into calls of 50) over the window.

        `grain` is one minute (PT1M) or one hour (PT1H); the window must be a multiple of it.
        Raises CloudError when nothing could be read.
        """


@cache
def usage_source() -> UsageSource:
    return import_string(settings.HEADROOM_USAGE_SOURCE)()  # type: ignore[no-any-return]


# Per minute and key, each request in exactly one of the first five; tokens of answered requests.
CALLER_MEASURES = (
    "ok",
    "throttled",  # 429 of the deployment
    "throttled_by_gateway",  # 429 or 403 of the gateway's own limit or quota: Azure never saw it
    "filtered",  # refused by the content filter; MISSING where the gateway does not log why
    "other",  # refused or failed otherwise; also the filtered ones where `filtered` is MISSING
    "prompt",
    "generated",
)


@dataclass(frozen=True, order=True)
class CallerKey:
    """Who called what, in lower case but for `caller` and `product`, which are as written.

    `caller` is the id (not the name) of the gateway's subscription, "" for a call without one;
    `product` the id of its product or "". `account_host` is the host of the account's endpoint
    ("contoso-east.openai.azure.com"), "" where the gateway answered by itself: then `deployment`
    alone says what was wanted. `deployment` is "" where no log names it.
    """

    caller: str
    product: str
    account_host: str
    deployment: str


@dataclass(frozen=True)
class CallerSeries:
    """One key over a window: for each of CALLER_MEASURES int64, an element for each minute."""

    values: Mapping[str, NDArray[np.int64]]


@dataclass(frozen=True)
class CallerAnswer:
    """What callers did in each minute of a window of whole minutes.

    `received[m]` says whether minute m was read whole. There, a key without a series did nothing,
    and 0 is nought; elsewhere every measure of every series is MISSING. A partial answer is no
    error: `complete` is False and `problems` (sentences) say why. Names of subscriptions and
    products are not in any log: people read the ids until a mapping names them.
    """

    window: Window
    series: Mapping[CallerKey, CallerSeries]
    received: NDArray[np.bool_]
    problems: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        return bool(self.received.all())


class CallerSource(Protocol):
    """Where the callers of shared deployments are counted: a gateway's logs, or a file of them."""

    settles_after: timedelta
    """Rows come late: a minute is final this long after its end, and pulled again before."""

    def pull(self, *, workspace_id: str, window: Window) -> CallerAnswer:
        """All callers of all deployments behind the gateways that log to this workspace.

        The window is of whole minutes (ValueError). Raises CloudError when nothing could be read.
        Pulling again gives the same or more, never a second count of the same call.
        """


@cache
def caller_source() -> CallerSource:
    return import_string(settings.HEADROOM_CALLER_SOURCE)()  # type: ignore[no-any-return]


def finance_zone() -> ZoneInfo:
    """The zone in which days and months begin and end (`HEADROOM_FINANCE_TIME_ZONE`)."""
    return ZoneInfo(settings.HEADROOM_FINANCE_TIME_ZONE)
