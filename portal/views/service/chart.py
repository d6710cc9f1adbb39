"""Use against held capacity of one deployment, with the limit of the pool that feeds it."""

from datetime import tzinfo

from portal.kernel.charts import CapacityUse, Chart
from portal.kernel.windows import MINUTE
from showback.domain.measures import MISSING
from showback.selectors.deployment_use import DeploymentUse


def use_chart(
    use: DeploymentUse, *, period_words: str, limit_units: int | None, zone: tzinfo
) -> Chart:
    """In tokens a minute; where weights are known for provisioned capacity, in PTUs."""
    rate = use.tokens_per_unit
    in_ptu = bool(rate) and use.unit.startswith("weighted")
    per_unit = 1 if in_ptu else rate
    divisor = rate if in_ptu and rate else 1

    def capacity(units: int) -> int | None:
        return None if per_unit is None else int(units) * per_unit

    return CapacityUse(
        start=use.window.start,
        step=use.step,
        used=[_used(value, divisor) for value in use.used.tolist()],
        baseline=[capacity(units) for units in (use.held_units - use.burst_units).tolist()],
        burst=[capacity(units) for units in use.burst_units.tolist()],
        throttled=[None if value == MISSING else value for value in use.throttled.tolist()],
        zone=zone,
        limit=None if limit_units is None else capacity(limit_units),
        unit="PTU" if in_ptu else "TPM",
        missing=use.missing.tolist(),
    ).chart("use", "Use against held capacity", summary=_summary(use, period_words, in_ptu))


def _used(value: int, divisor: int) -> float | None:
    if value == MISSING:
        return None
    return value if divisor == 1 else round(value / divisor, 2)


def _summary(use: DeploymentUse, period_words: str, in_ptu: bool) -> str:
    """What is drawn, and what would otherwise mislead."""
    parts = [f"{use.label} ({use.model_name}, {use.sku_name}), {period_words}."]
    if use.step > MINUTE:
        parts.append("Each point is the peak minute of an hour.")
    if in_ptu:
        parts.append("Tokens count by the model’s weights.")
    if use.tokens_per_unit is None:
        parts.append("Nobody states what a unit serves, so what is held is not drawn.")
    if use.is_shared:
        parts.append("Several services share it; this is the use of all.")
    return " ".join(parts)
