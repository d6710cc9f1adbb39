"""The published rule: what probably caused an incident of refusals, and how sure that is.

Azure gives a 429 no reason, so the rule works by elimination on minutes: the gateway's own limit;
a provisioned deployment is full; tokens or requests reach the limit in force; or refusals come
though the minute stays below both. Then the served minutes tell: level and lower than what was
served elsewhere, the limit was lowered; level once `max_tokens` is counted, tokens; going up and
down with the refusals, slices of seconds. Of a shared deployment it says whose calls took the room
only where a gateway measured them. The table: `docs/algorithms/throttling.md`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from showback.domain.lost_demand import unique_share
from showback.domain.measures import MISSING
from showback.domain.throttling import (
    Cause,
    Confidence,
    Incident,
    Ints,
    Minutes,
    Verdict,
    incidents,
)
from showback.domain.throttling_shape import Shape, admitted_tokens, share_of

Bools = NDArray[np.bool_]

AT_LIMIT, NEAR_LIMIT = 0.95, 0.85  # share of a limit that counts as reached, or as near
FULL, BUSY_FOR_PTU = 90, 60  # per cent of utilisation
ENOUGH = 8
HIGHER = 1.1  # served elsewhere, without refusals: so the limit in force was lower here
FOLLOWS = 0.5  # correlation of served and refused from which on more came through with more refused
SLICES_PER_MINUTE = 6  # ten seconds each; Azure says 1 or 10 seconds


@dataclass(frozen=True)
class Peak:
    """The most that a minute outside incidents served, with no more capacity than here."""

    tokens: int
    requests: int


def explained(
    minutes: Minutes, *, most: int = 50, unique: float | None = None
) -> list[tuple[Incident, Verdict]]:
    """Every incident with its verdict, newest first, `most` at most.

    `unique` is the share of refused attempts that were requests of their own; by default as
    `lost_demand` measures it in these minutes.
    """
    refused = minutes.all_refused
    found = incidents(refused)
    if unique is None and found:
        unique = unique_share(minutes.served, minutes.refused).likely
    calm = np.ones(len(refused), dtype=bool)
    for incident in found:
        calm[incident.span] = False
    peaks = _Peaks(minutes, calm)
    return [
        (incident, _verdict(minutes, incident, refused, peaks, unique or 1.0))
        for incident in reversed(found[-most:])
    ]


class _Peaks:
    """What calm minutes served at most, for each limit that was in force: read once for each."""

    def __init__(self, minutes: Minutes, calm: Bools) -> None:
        self._minutes, self._calm = minutes, calm
        self._found: dict[int, Peak] = {}

    def under(self, token_limit: int) -> Peak:
        """Only minutes with no more capacity tell that more could have been served."""
        if token_limit not in self._found:
            minutes = self._minutes
            same = self._calm & (minutes.token_limit <= token_limit)
            self._found[token_limit] = Peak(
                int(minutes.load[same].max(initial=0)), int(minutes.served[same].max(initial=0))
            )
        return self._found[token_limit]


def main_cause(found: list[tuple[Incident, Verdict]]) -> str:
    """The cause of most refused calls, with the confidence of its largest incident; "" for none."""
    if not found:
        return ""
    totals: dict[Cause, int] = {}
    for incident, verdict in found:
        totals[verdict.cause] = totals.get(verdict.cause, 0) + incident.requests
    cause = max(totals, key=lambda each: totals[each])
    of_it = [(incident.requests, v) for incident, v in found if v.cause == cause]
    sure = max(of_it, key=lambda each: each[0])[1].confidence
    return f"{cause.words}, {sure} confidence" if sure else cause.words


def _verdict(
    minutes: Minutes, incident: Incident, refused: Ints, peaks: _Peaks, unique: float
) -> Verdict:
    places = incident.start + np.flatnonzero(refused[incident.span] > 0)
    peak = peaks.under(int(minutes.token_limit[places].max()))
    return likely_cause(minutes, places, peak, unique)


def likely_cause(minutes: Minutes, refused_at: Ints, unrefused: Peak, unique: float) -> Verdict:
    """Of one incident: `refused_at` are the places of its refused minutes in `minutes`.

    `unrefused` is of all minutes outside incidents with at most the same limit; `unique` is the
    share of refused attempts that were requests of their own.
    """
    hit = minutes.at(refused_at)
    gateway, azure = int(np.maximum(hit.by_gateway, 0).sum()), int(np.maximum(hit.refused, 0).sum())
    if gateway > azure:
        return _gateway(gateway, azure)
    if not (by_azure := hit.refused > 0).all():
        hit = hit.at(by_azure)
    found = _full(hit) if hit.is_provisioned else _limit(hit, unrefused, unique)
    is_own = found.cause in (Cause.LIMIT_LOWERED, Cause.CANNOT_TELL)
    return found if is_own or not hit.is_shared else _whose(hit, found, unique)


def _gateway(gateway: int, azure: int) -> Verdict:
    if not azure:
        words = f"The gateway refused {gateway:,} calls by its own limit; Azure refused none."
        return Verdict(Cause.GATEWAY_LIMIT, Confidence.HIGH, words)
    words = f"The gateway refused {gateway:,} calls by its own limit, Azure only {azure:,}."
    return Verdict(Cause.GATEWAY_LIMIT, Confidence.MEDIUM, words)


def _full(hit: Minutes) -> Verdict:
    """Azure refuses on provisioned deployments for one reason: the units are full at that second.

    Utilisation is the minute's mean, so a burst within it, or `max_tokens` far above what is
    generated, fills them although the mean stays lower.
    """
    known = hit.utilisation_percent[hit.utilisation_percent != MISSING]
    if not known.size:
        words = "Azure refuses here only when the units are full; their utilisation is not known."
        return Verdict(Cause.PTU_FULL, Confidence.LOW, words)
    middle = float(np.median(known))
    if middle >= FULL:
        words = f"Utilisation stood at {middle:.0f} % in the refused minutes."
        return Verdict(Cause.PTU_FULL, Confidence.HIGH, words)
    words = (
        f"Utilisation was {middle:.0f} % on a minute’s average: the units were full for seconds, "
        "by bursts within the minute or by max_tokens above what is generated."
    )
    sure = Confidence.MEDIUM if middle >= BUSY_FOR_PTU else Confidence.LOW
    return Verdict(Cause.PTU_FULL, sure, words, counts_max_tokens=middle < BUSY_FOR_PTU)


def _limit(hit: Minutes, unrefused: Peak, unique: float) -> Verdict:
    """Pay as you go: which limit was reached, or why refusals came below both."""
    tokens = share_of(admitted_tokens(hit), hit.token_limit)
    requests = share_of(hit.served, hit.request_limit)
    if tokens is None and requests is None:
        return _unknown("The limit in force is not known, or no minute of it arrived.")
    if (tokens or 0) >= AT_LIMIT and (tokens or 0) >= (requests or 0):
        words = f"The refused minutes served {tokens:.0%} of the tokens allowed a minute"
        also = "" if requests is None else f", and {requests:.0%} of the requests"
        return Verdict(Cause.TOKENS, Confidence.HIGH, f"{words}{also}.")
    if (requests or 0) >= AT_LIMIT:
        words = f"The refused minutes served {requests:.0%} of the requests allowed a minute"
        also = "" if tokens is None else f", and {tokens:.0%} of the tokens"
        return Verdict(Cause.REQUESTS, Confidence.HIGH, f"{words}{also}.")
    return _below(hit, unrefused, unique, tokens or 0.0, requests or 0.0)


def _below(hit: Minutes, unrefused: Peak, unique: float, tokens: float, requests: float) -> Verdict:
    """Refused below both limits: told by the shape of the refused minutes."""
    most = f"only {max(tokens, requests):.0%} of a limit was served in a refused minute"
    shape = Shape.of(hit)
    if shape is None:
        near = Cause.TOKENS if tokens >= max(NEAR_LIMIT, requests) else None
        if near:
            return Verdict(near, Confidence.LOW, f"Tokens came to {tokens:.0%} of the limit.")
        return _unknown(f"Too few minutes to tell: {most}.")
    follows = shape.follows >= FOLLOWS
    if not follows and shape.level_with_stated and shape.stated_spread < 0.6 * shape.token_spread:
        words = (
            f"The refused minutes add up to the limit if each generated token counts "
            f"{shape.stated:.1f} times: max_tokens counts on arrival, used or not."
        )
        sure = Confidence.HIGH if shape.minutes >= ENOUGH else Confidence.MEDIUM
        return Verdict(Cause.TOKENS, sure, words, counts_max_tokens=True)
    if shape.is_level and not follows:
        return _lowered(shape, unrefused, most)
    return _slices(hit, shape, unique, most)


def _lowered(shape: Shape, unrefused: Peak, most: str) -> Verdict:
    higher = max(
        unrefused.tokens / max(shape.tokens, 1), unrefused.requests / max(shape.requests, 1)
    )
    if higher >= HIGHER:
        words = (
            f"It stopped at one level, though {most}, and at other times {higher:.1f} times as "
            "much was served without a refusal."
        )
        sure = Confidence.HIGH if shape.minutes >= ENOUGH else Confidence.MEDIUM
        return Verdict(Cause.LIMIT_LOWERED, sure, words)
    if shape.stated_spread > 2 * shape.token_spread:
        words = f"It stopped at one level, though {most}."
        return Verdict(Cause.LIMIT_LOWERED, Confidence.MEDIUM, words)
    return _unknown(
        f"It stopped at one level, though {most}: Azure lowered the limit, or max_tokens is above "
        "what is generated."
    )


def _slices(hit: Minutes, shape: Shape, unique: float, most: str) -> Verdict:
    wanted = float(np.median(hit.served + hit.refused * unique))
    limits = hit.request_limit[hit.request_limit != MISSING]
    a_slice = float(np.median(limits)) / SLICES_PER_MINUTE if limits.size else None
    if a_slice is None or wanted < a_slice:
        return _unknown(f"Nothing explains it: {most}.")
    words = (
        f"About {wanted:,.0f} requests a minute came where {a_slice:,.0f} may come in ten "
        f"seconds; {most}, and more was served when more was refused."
    )
    if shape.follows >= FOLLOWS and shape.minutes >= ENOUGH:
        return Verdict(Cause.REQUEST_SLICES, Confidence.HIGH, words)
    if shape.follows >= 0.2:
        return Verdict(Cause.REQUEST_SLICES, Confidence.MEDIUM, words)
    return _unknown(f"Bursts within seconds may be it, though nothing proves them: {most}.")


def _whose(hit: Minutes, found: Verdict, unique: float) -> Verdict:
    """Whether the service alone would have fitted into what the deployment served then."""
    known = (hit.own_share != MISSING) & (hit.served != MISSING)
    if not known.any():
        return _unknown(
            f"{found.because} Several services share the deployment, and no gateway measured "
            "whose calls took the room."
        )
    own = hit.own_share[known] / 1000
    lost = hit.refused[known] * unique * (1 if hit.only_own_refusals else own)
    wanted = own * hit.served[known] + lost
    needed = float(np.median(wanted / np.maximum(hit.served[known], 1)))
    if needed <= 1:
        words = (
            f"{found.because} Of what was served {1 - float(np.median(own)):.0%} was other "
            f"services’; alone, this one needed {needed:.0%} of that room."
        )
        sure = Confidence.HIGH if needed <= 0.8 else Confidence.MEDIUM
        return Verdict(Cause.NEIGHBOUR, sure, words)
    words = f"{found.because} Alone, this service wanted {needed:.0%} of what was served."
    return Verdict(found.cause, found.confidence, words, found.counts_max_tokens)


def _unknown(because: str) -> Verdict:
    return Verdict(Cause.CANNOT_TELL, Confidence.NONE, because)
