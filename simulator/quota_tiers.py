"""Quota tiers of subscriptions: Free and 1 to 6, and their automatic upgrades.

An upgrade planned for a moment of the clock happens then, by itself, and raises limits, unless the
subscription's policy is ``NoAutoUpgrade``; in that case it waits until the policy changes. What an
upgrade gives each pool: the limit its plan says; else the tier-1 figure when tier 1 is
reached; else twice what the pool had (our own rule: the figures of higher tiers are not carried).
No limit ever falls, and provisioned pools stay as they are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from simulator.clock import iso, parse_time
from simulator.quota import Quota
from simulator.tier_limits import TIER_1_UNITS
from simulator.tiers import HIGHEST, level_of, tier_name
from simulator.world import TierUpgrade, World

POLICIES = ("OnceUpgradeIsAvailable", "NoAutoUpgrade")


@dataclass(frozen=True)
class Tier:
    """Where a subscription stands; ``changed_at`` is when its policy was last set."""

    level: int
    assigned_at: datetime
    policy: str = POLICIES[0]
    changed_at: datetime | None = None


class QuotaTiers:
    """The tier of each subscription and the upgrades that are planned."""

    def __init__(self, world: World, stored: dict[str, Any] | None) -> None:
        self._tiers = {
            each.id.lower(): Tier(level_of(each.quota_tier) or 0, world.loaded_at)
            for each in world.subscriptions
        }
        self._planned = list(world.tier_upgrades)
        if stored is None:
            return
        self._planned = [_planned_of(row) for row in stored["planned"]]
        for row in stored["tiers"]:
            changed_at = parse_time(row["changed_at"]) if row["changed_at"] else None
            assigned_at = parse_time(row["assigned_at"])
            tier = Tier(row["level"], assigned_at, row["policy"], changed_at)
            self._tiers[row["subscription"]] = tier

    def of(self, subscription: str) -> Tier:
        """The tier now. Raises KeyError for an unknown subscription."""
        return self._tiers[subscription.lower()]

    def next_upgrade(self, subscription: str) -> TierUpgrade | None:
        """The planned upgrade that comes first, also one that its policy holds back."""
        mine = [each for each in self._planned if each.subscription.lower() == subscription.lower()]
        return min(mine, key=lambda each: each.at, default=None)

    def known_limit(self, subscription: str, usage_name: str) -> int:
        """What the tier is known to give a pool, in units; 0 where no figure is carried."""
        return TIER_1_UNITS.get(usage_name.lower(), 0) if self.of(subscription).level == 1 else 0

    def set_policy(self, subscription: str, policy: str, at: datetime) -> None:
        """``policy`` is one of POLICIES."""
        old = self.of(subscription)
        self._tiers[subscription.lower()] = replace(old, policy=policy, changed_at=at)

    def plan(self, upgrade: TierUpgrade) -> None:
        """Add an upgrade by one tier. Raises ValueError when that would lead beyond the last."""
        mine = upgrade.subscription.lower()
        ahead = [each for each in self._planned if each.subscription.lower() == mine]
        if self.of(upgrade.subscription).level + len(ahead) >= HIGHEST:
            raise ValueError(f"There is no tier above {tier_name(HIGHEST)}.")
        self._planned.append(upgrade)

    def settle(self, at: datetime, quota: Quota) -> bool:
        """Carry out what is due at ``at``, in the order of its times. True if anything was."""
        due = [each for each in self._planned if each.at <= at and self._may(each)]
        for each in sorted(due, key=lambda one: one.at):
            self._planned.remove(each)
            self._upgrade(each, quota)
        return bool(due)

    def as_json(self) -> dict[str, Any]:
        """What the state folder keeps."""
        return {
            "tiers": [
                {
                    "subscription": subscription,
                    "level": each.level,
                    "assigned_at": iso(each.assigned_at),
                    "policy": each.policy,
                    "changed_at": iso(each.changed_at) if each.changed_at else None,
                }
                for subscription, each in self._tiers.items()
            ],
            "planned": [{**vars(each), "at": iso(each.at)} for each in self._planned],
        }

    def _may(self, upgrade: TierUpgrade) -> bool:
        return self.of(upgrade.subscription).policy == POLICIES[0]

    def _upgrade(self, upgrade: TierUpgrade, quota: Quota) -> None:
        old = self.of(upgrade.subscription)
        since = upgrade.at if old.changed_at is None else max(upgrade.at, old.changed_at)
        new = replace(old, level=old.level + 1, assigned_at=since)
        self._tiers[upgrade.subscription.lower()] = new
        said = {name.lower(): units for name, units in upgrade.limits.items()}
        for usage_name in quota.usage_names(upgrade.subscription):
            if usage_name in said:
                quota.raise_limits(upgrade.subscription, usage_name, to=said[usage_name])
            elif new.level == 1 and usage_name in TIER_1_UNITS:
                to = TIER_1_UNITS[usage_name]
                quota.raise_limits(upgrade.subscription, usage_name, to=to)
            elif "provisioned" not in usage_name:
                quota.raise_limits(upgrade.subscription, usage_name, times=2)


def _planned_of(row: dict[str, Any]) -> TierUpgrade:
    return TierUpgrade(row["subscription"], parse_time(row["at"]), row["limits"])
