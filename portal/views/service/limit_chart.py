"""Use and refusals of one deployment under the limit in force, gaps hatched."""

from collections.abc import Iterator

from django.utils.timezone import get_current_timezone

from portal.kernel.charts import CapacityUse, Chart
from portal.kernel.windows import MINUTE
from showback.domain.measures import MISSING
from showback.selectors.scope import label_of
from showback.selectors.throttling import Ints, ServiceThrottling


def limit_chart(found: ServiceThrottling, *, period_words: str) -> Chart:
    """In tokens a minute; where weights are known for provisioned capacity, in PTUs."""
    read, shown = found.read, found.shown
    rate = read.rate.tokens_per_minute
    in_ptu = found.chosen.is_provisioned and bool(rate)
    scale = 1 if in_ptu or not rate else rate
    held: list[float | None] = [
        None if rate is None else int(units) * scale for units in read.held[shown].tolist()
    ]
    use = CapacityUse(
        start=found.period.start,
        step=MINUTE,
        used=list(_used(read.minutes.load[shown], rate if in_ptu else None)),
        baseline=held,
        burst=[0] * len(held),
        throttled=[
            None if count == MISSING else count
            for count in read.minutes.all_refused[shown].tolist()
        ],
        zone=get_current_timezone(),
        unit="PTU" if in_ptu else "TPM",
        held_name="Limit",
        missing=found.missing.tolist(),
    )
    words = f"{label_of(found.chosen)} ({found.chosen.model_name}), {period_words}."
    if rate is None:
        words = f"{words} Nobody states what a unit serves, so no limit is drawn."
    return use.chart("limit", "Use and refusals under the limit in force", summary=words)


def _used(load: Ints, rate: int | None) -> Iterator[float | None]:
    for tokens in load.tolist():
        yield None if tokens == MISSING else round(tokens / rate, 2) if rate else tokens
