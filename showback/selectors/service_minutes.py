"""Minutes of the services of a shared deployment, where a gateway measured them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from portal.kernel.windows import HOUR, MINUTE, Window, floor_to_hour
from showback.domain.measures import MISSING
from showback.gateway import CALLER_MEASURES
from showback.selectors.sharing import Mappings

Ints = NDArray[np.int64]
MINUTES_OF_HOUR = 60
# In SQL, as every evidence asks, and of most deployments no gateway measured anything.
STORED = """
SELECT hour, caller_id, {} FROM showback_caller_minutes minutes
JOIN showback_caller_target target ON target.id = minutes.target_id
WHERE target.deployment_id = %s AND hour >= %s AND hour < %s ORDER BY hour
""".format(", ".join(CALLER_MEASURES))


@dataclass(frozen=True)
class ServiceMinutes:
    """One element for each minute of the window; MISSING where the gateway was not read.

    `by_service` None: callers that nobody mapped. Its measures are `CALLER_MEASURES`; `filtered` is
    MISSING throughout where the gateway does not log it. Numbers are as the gateway counted them,
    not scaled to Azure's: tokens of streams may be its estimate.
    """

    received: NDArray[np.bool_]
    by_service: Mapping[int | None, Mapping[str, Ints]]


def service_minutes(deployment_id: int, window: Window) -> ServiceMinutes | None:
    """None where no minute was measured: no gateway, or only hours are known (imported files).

    The window begins and ends on whole minutes. Two queries, one more where callers are mapped.
    """
    begin = floor_to_hour(window.start)
    with connection.cursor() as cursor:
        cursor.execute(STORED, (deployment_id, begin, window.end))
        rows = cursor.fetchall()
    if not rows:
        return None
    slots = int((window.end - begin) / MINUTE) + MINUTES_OF_HOUR
    mappings = Mappings.read(Window(begin, window.end))
    found: dict[int | None, Ints] = {}
    received = np.zeros(slots, dtype=bool)
    for hour, caller, *arrays in rows:
        first = int((hour - begin) / HOUR) * MINUTES_OF_HOUR
        service = mappings.service_of(caller, hour)
        whole = found.setdefault(
            service, np.full((len(CALLER_MEASURES), slots), MISSING, dtype=np.int64)
        )
        part = whole[:, first : first + MINUTES_OF_HOUR]
        values = np.array([_values(each) for each in arrays], dtype=np.int64)
        part[:] = _sum(part, values)
        received[first : first + MINUTES_OF_HOUR] |= values[0] != MISSING
    begins = int((window.start - begin) / MINUTE)
    inside = slice(begins, begins + int(window.length / MINUTE))
    return ServiceMinutes(
        received[inside],
        {
            service: dict(zip(CALLER_MEASURES, _known(values, received)[:, inside], strict=True))
            for service, values in found.items()
        },
    )


def _values(column: list[int | None] | None) -> list[int]:
    if column is None:
        return [MISSING] * MINUTES_OF_HOUR
    return [MISSING if value is None else value for value in column]


def _sum(left: Ints, right: Ints) -> Ints:
    both = (left != MISSING) & (right != MISSING)
    return np.where(both, left + right, np.maximum(left, right))


def _known(values: Ints, received: NDArray[np.bool_]) -> Ints:
    """In a minute that was read, a service without a call did nothing."""
    filtered = CALLER_MEASURES.index("filtered")
    kept = values[filtered].copy()
    result = np.where(received & (values == MISSING), 0, values)
    if (kept == MISSING).all():
        result[filtered] = kept
    return result
