"""One hour of a provisioned deployment: who is charged for it, and which part of that was used."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from showback.domain.cost import PtuPart
from showback.domain.provisioned import PtuModel
from showback.domain.split import split_whole


@dataclass(frozen=True)
class PtuUse:
    """How busy the hour was. All None: nothing was received of it.

    `weighted_tokens` by service, where the model's weights are published; `mean_utilisation` is
    Azure's metric as a fraction.
    """

    weighted_tokens: Mapping[int | None, int] | None
    mean_utilisation: float | None


def ptu_parts(
    hour: datetime,
    *,
    deployed: int,
    held: Mapping[int | None, int],
    use: PtuUse,
    model: PtuModel | None,
) -> list[PtuPart]:
    """Shares out the hour's deployed unit-seconds; the parts sum to `deployed` exactly.

    The holder is charged for what it held, used or idle; what nobody held is the platform's own.
    Where more is held than Azure deployed (a grant that is not applied yet), the holders share what
    there is. `held` is unit-seconds by service, None for entries of no known service.
    """
    charged = _charged(deployed, held)
    parts = []
    for service, seconds in charged.items():
        if service is None:
            parts.append(PtuPart(None, "unallocated", seconds, "deployed", hour))
            continue
        used, method = _used(service, seconds, use, model)
        parts.append(PtuPart(service, "ptu_used", used, method, hour))
        parts.append(PtuPart(service, "ptu_idle", seconds - used, method, hour))
    return [part for part in parts if part.unit_seconds]


def _charged(deployed: int, held: Mapping[int | None, int]) -> dict[int | None, int]:
    total = sum(held.values())
    if total > deployed:
        return dict(zip(held, split_whole(deployed, list(held.values())), strict=True))
    charged = dict(held)
    charged[None] = charged.get(None, 0) + deployed - total
    return charged


def _used(service: int, charged: int, use: PtuUse, model: PtuModel | None) -> tuple[int, str]:
    """Unit-seconds used, at most what is charged, and how that is known."""
    if use.weighted_tokens is not None and model is not None:
        tokens = use.weighted_tokens.get(service, 0)
        return min(
            charged, tokens * 60 // model.input_tokens_per_minute_per_unit
        ), "weighted_tokens"
    if use.mean_utilisation is not None:
        return min(charged, round(charged * use.mean_utilisation)), "utilisation"
    return 0, "not_measured"


def shared_ptu_parts(
    hour: datetime,
    *,
    deployed: int,
    held: Mapping[int | None, int],
    use: PtuUse,
    capacity_tokens: Mapping[int | None, int],
    model: PtuModel | None,
) -> list[PtuPart]:
    """The same of a shared deployment: who used it pays what was used, who holds it what was idle.

    `capacity_tokens` is what each service used (None: unattributed). Idle time goes to holders by
    what they hold beyond their own use; what nobody holds stays unallocated.
    """
    services = sorted(capacity_tokens, key=lambda service: (service is None, service or 0))
    used, method = _used_by(deployed, [capacity_tokens[s] for s in services], use, model)
    by_service = dict(zip(services, used, strict=True))
    parts = [PtuPart(s, "ptu_used", seconds, method, hour) for s, seconds in by_service.items()]
    holders = [service for service in held if service is not None]
    beyond = [max(0, held[service] - by_service.get(service, 0)) for service in holders]
    nobodys = max(0, deployed - sum(held[service] for service in holders))
    idle = split_whole(deployed - sum(used), [*beyond, nobodys])
    parts += [
        PtuPart(service, "ptu_idle", seconds, method, hour)
        for service, seconds in zip(holders, idle, strict=False)
    ]
    parts.append(PtuPart(None, "unallocated", idle[-1], "deployed", hour))
    return [part for part in parts if part.unit_seconds]


def _used_by(
    deployed: int, tokens: list[int], use: PtuUse, model: PtuModel | None
) -> tuple[list[int], str]:
    """Unit-seconds used by each, together at most what was deployed, and how that is known."""
    if use.weighted_tokens is not None and model is not None:
        wanted: list[int] = [each * 60 // model.input_tokens_per_minute_per_unit for each in tokens]
        if sum(wanted) > deployed:
            wanted = split_whole(deployed, wanted)
        return wanted, "weighted_tokens"
    if use.mean_utilisation is not None and any(tokens):
        busy = min(deployed, round(deployed * use.mean_utilisation))
        return split_whole(busy, tokens), "utilisation"
    return [0] * len(tokens), "not_measured"
