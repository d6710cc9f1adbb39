"""The one reader of minutes: database arrays into numpy, whatever way they are stored."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from portal.kernel.windows import MINUTE, Window, floor_to_hour
from showback.domain.measures import MISSING
from showback.domain.provisioned import PtuModel
from showback.models import UsageMinutes

Ints = NDArray[np.int64]
LOAD_MEASURES = ("prompt", "generated", "cache_percent")  # what `load` needs


def read_minutes(
    deployment_ids: Iterable[int], window: Window, measures: Sequence[str]
) -> dict[int, dict[str, Ints]]:
    """Per deployment and measure one element for each minute of the window; MISSING is a gap.

    The window must begin and end on whole minutes. Deployments without a row have only gaps.
    """
    ids = list(deployment_ids)
    slots = int(window.length / MINUTE)
    first_hour = floor_to_hour(window.start)
    found = {
        deployment: {name: np.full(slots, MISSING, dtype=np.int64) for name in measures}
        for deployment in ids
    }
    rows = UsageMinutes.objects.filter(
        deployment_id__in=ids, hour__gte=first_hour, hour__lt=window.end
    ).values_list("deployment_id", "hour", *measures)
    for deployment, hour, *arrays in rows.iterator():
        offset = int((hour - window.start) / MINUTE)
        begin, end = max(offset, 0), min(offset + 60, slots)
        for name, array in zip(measures, arrays, strict=True):
            if array is not None:
                part = array[begin - offset : end - offset]
                found[deployment][name][begin:end] = [MISSING if v is None else v for v in part]
    return found


def tokens_per_minute(values: dict[str, Ints]) -> Ints:
    """Prompt + generated of each minute; a gap where either is one."""
    prompt, generated = values["prompt"], values["generated"]
    known = (prompt != MISSING) & (generated != MISSING)
    return np.where(known, prompt + generated, MISSING)


def load(values: dict[str, Ints], model: PtuModel | None) -> Ints:
    """Tokens of each minute in the unit of capacity: weighted for a known model, else plain."""
    tokens = tokens_per_minute(values)
    if model is None:
        return tokens
    rate = np.clip(values["cache_percent"], 0, 100)  # a gap counts as nothing cached
    cached = values["prompt"] * rate // 100
    weighted = (
        (values["prompt"] - cached) * float(model.input_weight)
        + cached * float(model.cached_input_weight)
        + values["generated"] * float(model.output_weight)
    )
    return np.where(tokens == MISSING, MISSING, np.rint(weighted).astype(np.int64))
