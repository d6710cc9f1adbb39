"""What showback needs from outside: metrics of deployments. Named in settings (`HEADROOM_USAGE_SOURCE`)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Protocol

import numpy as np
from django.conf import settings
from django.utils.module_loading import import_string
from numpy.typing import NDArray

from portal.kernel.windows import Window

MISSING = -1  # in every array: the source sent no value for this slot

# The measures of a series, and the Azure metric each is made of.
MEASURES = (
    "ok",  # requests answered 2xx and not spilled
    "throttled",  # requests answered 429
    "other",  # every other status
    "spilled",  # requests with IsSpillover true, served by this deployment for another
    "prompt",  # prompt tokens of served requests
    "generated",  # generated tokens of served requests
    "cache_percent",  # cache match rate 0…100, rounded
    "utilisation_percent",  # provisioned utilisation 0…, rounded; MISSING for pay-as-you-go
)


@dataclass(frozen=True)
class Series:
    """One deployment over a window: one int64 array of length slots per measure, MISSING where no value came."""

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
