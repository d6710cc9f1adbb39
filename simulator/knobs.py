"""Settings of the simulator's behaviour that a test may turn while it runs."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any


@dataclass
class Knobs:
    """Defaults are those of a well-behaved Azure."""

    metrics_latency_minutes: float = 2.0
    """A minute is visible this long after its end."""
    metrics_retention_days: float = 93.0
    """Older minutes are gone."""
    metric_errors: dict[str, dict[str, str]] = field(default_factory=dict)
    """Metric name → {"errorCode", "errorMessage"}: that metric alone fails inside a 200."""
    write_seconds: float = 0.0
    """A capacity write takes this long (real seconds) and blocks its account meanwhile."""
    token_seconds: float = 3600.0
    """Lifetime of new tokens, in real seconds."""
    page_size: int = 0
    """Rows per page of every ARM list; 0 means all in one page, as Azure mostly answers."""

    def update(self, changes: dict[str, Any]) -> None:
        """Turn some knobs. Raises ValueError with a sentence; then none is turned."""
        known = {each.name for each in fields(self)}
        for name, value in changes.items():
            if name not in known:
                raise ValueError(f"No knob {name}; there are {', '.join(sorted(known))}.")
            if name == "metric_errors":
                if not isinstance(value, dict):
                    raise ValueError("metric_errors is an object of metric name to error.")
            elif not isinstance(value, int | float) or isinstance(value, bool) or value < 0:
                raise ValueError(f"{name} is a number from 0, got {value!r}.")
        for name, value in changes.items():
            setattr(self, name, value)

    def as_json(self) -> dict[str, Any]:
        """What the state folder keeps and the control API answers."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Knobs:
        """The inverse of :meth:`as_json`; knobs that no longer exist are dropped."""
        known = {each.name for each in fields(cls)}
        return cls(**{name: value for name, value in stored.items() if name in known})
