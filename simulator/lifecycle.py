"""The life of a model version on the simulator's clock: listed, deprecating, deprecated, gone.

A *plan* says when a version retires and what replaces it. It comes from the world file or from the
control API; a version without one only has a tentative date, which nothing follows from.

Not verified against Azure, chosen here: a version is Deprecating for 90 days before its date and is
listed for 30 days after it (a plan may say otherwise); upgrades come exactly at their moments; a
deployment that may not be upgraded is Disabled from the date on and serves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from simulator.clock import iso, parse_time
from simulator.model_types import Model, ModelKey

DEFAULT_UPGRADE_OPTION = "OnceNewDefaultVersionAvailable"
UPGRADE_OPTIONS = (DEFAULT_UPGRADE_OPTION, "OnceCurrentVersionExpired", "NoAutoUpgrade")
LISTED_AFTERWARDS = timedelta(days=30)
_DEPRECATING_BEFORE = timedelta(days=90)


@dataclass(frozen=True)
class Plan:
    """When a model version retires. Days are counted from ``retires_at``.

    ``upgrade_from`` is the day on which deployments that follow a new default version move;
    ``lead_days`` before the date move those that wait for the end of theirs.
    """

    model: ModelKey
    retires_at: datetime
    replacement: ModelKey | None = None
    upgrade_from: datetime | None = None
    lead_days: int = 0
    listed_until: datetime | None = None

    @property
    def gone_at(self) -> datetime:
        """From then on ``models.list`` no longer has it."""
        return self.listed_until or self.retires_at + LISTED_AFTERWARDS

    def upgrade_at(self, option: str) -> datetime | None:
        """When a deployment with this ``versionUpgradeOption`` (in any case) moves over."""
        if self.replacement is None or option.lower() == "noautoupgrade":
            return None
        if option.lower() == "oncecurrentversionexpired":
            return self.retires_at - timedelta(days=self.lead_days)
        return min(self.upgrade_from or self.retires_at, self.retires_at)

    def as_json(self) -> dict[str, Any]:
        """What the state folder keeps and the control API answers."""
        return {
            "model": self.model[0],
            "version": self.model[1],
            "retires_at": iso(self.retires_at),
            "replacement": None if self.replacement is None else list(self.replacement),
            "upgrade_from": None if self.upgrade_from is None else iso(self.upgrade_from),
            "lead_days": self.lead_days,
            "listed_until": iso(self.gone_at),
        }

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> Plan:
        """The inverse of :meth:`as_json`."""
        upgrade_from, replacement = row.get("upgrade_from"), row.get("replacement")
        return cls(
            model=(row["model"], row["version"]),
            retires_at=parse_time(row["retires_at"]),
            replacement=None if replacement is None else (replacement[0], replacement[1]),
            upgrade_from=None if upgrade_from is None else parse_time(upgrade_from),
            lead_days=int(row["lead_days"]),
            listed_until=parse_time(row["listed_until"]),
        )


class Lifecycles:
    """The plans in force; every question names the moment it is asked for."""

    def __init__(self, plans: Iterable[Plan], stored: list[dict[str, Any]]) -> None:
        self._plans = {each.model: each for each in plans}
        self._plans |= {each.model: each for each in map(Plan.from_json, stored)}

    @property
    def plans(self) -> tuple[Plan, ...]:
        """All of them, also those whose date is past."""
        return tuple(self._plans.values())

    def plan(self, model: Model) -> Plan | None:
        """The plan of a version, or None."""
        return self._plans.get(model.key)

    def set(self, plan: Plan) -> None:
        """Put a plan in the place of an earlier one for the same version."""
        self._plans[plan.model] = plan

    def retired_at(self, model: Model) -> datetime | None:
        """The planned date, or the one that was past before any world began."""
        plan = self.plan(model)
        return model.retired_at if plan is None else plan.retires_at

    def is_listed(self, model: Model, at: datetime) -> bool:
        """Whether ``models.list`` still has it."""
        plan = self.plan(model)
        return plan is None or at < plan.gone_at

    def status(self, model: Model, at: datetime) -> str:
        """``lifecycleStatus`` as Azure writes it."""
        date = self.retired_at(model)
        if date is not None and date <= at:
            return "Deprecated"
        if date is not None and date - _DEPRECATING_BEFORE <= at:
            return "Deprecating"
        return "Preview" if model.is_preview else "GenerallyAvailable"

    def as_json(self) -> list[dict[str, Any]]:
        """What the state folder keeps."""
        return [each.as_json() for each in self.plans]
