"""What showback needs from outside: metrics of deployments, and the zone in which months close."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
    "MEASURES",
    "MISSING",
    "MetricsAnswer",
    "Series",
    "UsageSource",
    "finance_zone",
    "usage_source",
]


@dataclass(frozen=True)
class Series:
    """One deployment over a window: per measure one int64 array with an element for each slot."""

    values: Mapping[str, NDArray[np.int64]]


@dataclass(frozen=True)
class MetricsAnswer:
    """Keys are (account resource id in lower case, deployment name in lower case).

    A deployment that no metric named is absent. `failed_measures` names, per account (lower case),
    the measures that the source could not answer: gaps, not zeros. `problems` are sentences.
    """

    window: Window
    grain: timedelta
    series: Mapping[tuple[str, str], Series]
    failed_measures: Mapping[str, frozenset[str]]
    problems: tuple[str, ...] = ()


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


def finance_zone() -> ZoneInfo:
    """The zone in which days and months begin and end (`HEADROOM_FINANCE_TIME_ZONE`)."""
    return ZoneInfo(settings.HEADROOM_FINANCE_TIME_ZONE)
