"""A small vectorised generator of minutes with refusals, for tests of what explains them."""

from dataclasses import dataclass, replace

import numpy as np

from showback.domain.measures import MISSING
from showback.domain.throttling import Minutes

DAY = 1_440


@dataclass(frozen=True)
class Case:
    """Poisson requests; inside `incident` there are `surge` times as many."""

    units: int = 100
    level: float = 60.0
    surge: float = 2.5
    incident: tuple[int, int] = (600, 640)  # [first, end) minutes
    prompt: float = 1_000.0
    generated: float = 200.0
    attempts: int = 1
    stated: float = 1.0  # max_tokens ÷ generated
    lowered: float = 1.0  # share of the limits that is granted inside the incident
    slice_share: float = 0.0  # of a minute's requests, those that come in one slice of six
    neighbour: float = 0.0  # others' requests inside the incident ÷ own
    minutes: int = 2 * DAY
    seed: int = 7


@dataclass(frozen=True)
class Played:
    minutes: Minutes
    lost: np.ndarray


def play(case: Case) -> Played:
    """Whole minutes: the first requests are served until a limit is reached."""
    rng = np.random.default_rng(case.seed)
    inside = np.zeros(case.minutes, dtype=bool)
    inside[slice(*case.incident)] = True
    own = rng.poisson(np.where(inside, case.level * case.surge, case.level))
    others = rng.poisson(np.where(inside, own * case.neighbour, 0))
    wanted = own + others
    prompt_each = case.prompt * (1 + 0.9 * rng.standard_normal(case.minutes) / np.sqrt(wanted + 1))
    each = case.generated * (1 + 0.7 * rng.standard_normal(case.minutes) / np.sqrt(wanted + 1))
    granted = np.where(inside, case.lowered, 1.0)
    tokens, requests = case.units * 1_000, case.units * 6
    by_tokens = np.ceil(tokens * granted / (prompt_each + case.stated * each))
    served = np.minimum(wanted, np.minimum(by_tokens, np.floor(requests * granted)))
    if case.slice_share:
        hot = np.rint(wanted * (case.slice_share + (1 - case.slice_share) / 6))
        served = np.minimum(served, wanted - np.maximum(hot - requests // 6, 0))
    served = served.astype(np.int64)
    lost = wanted - served
    prompt = np.rint(served * prompt_each).astype(np.int64)
    generated = np.rint(served * each).astype(np.int64)
    gap = np.full(case.minutes, MISSING, dtype=np.int64)
    share = np.rint(1000 * own / np.maximum(wanted, 1)).astype(np.int64)
    return Played(
        Minutes(
            prompt=prompt,
            generated=generated,
            load=prompt + generated,
            answered=served,
            served=served,
            refused=lost * case.attempts,
            by_gateway=np.zeros_like(gap),
            token_limit=gap * 0 + tokens,
            request_limit=gap * 0 + requests,
            utilisation_percent=gap,
            own_share=share if case.neighbour else gap,
            is_shared=bool(case.neighbour),
        ),
        lost,
    )


def provisioned(minutes: Minutes, utilisation: int) -> Minutes:
    percent = np.where(minutes.refused > 0, utilisation, 30)
    return replace(minutes, is_provisioned=True, utilisation_percent=percent)
