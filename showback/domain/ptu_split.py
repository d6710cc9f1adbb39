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
