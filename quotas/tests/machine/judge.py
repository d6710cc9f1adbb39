"""I1 to I4 and I7, from the rows before and after a step: slow, simple, and apart from the code."""

from datetime import datetime, timedelta

from portal.kernel.windows import FOREVER
from quotas.tests.machine.picture import Asked, Picture, Row

OPEN_END = FOREVER


def judge_ledger(before: Picture, after: Picture, *, at: datetime, lead: timedelta) -> None:
    """Whatever a step did: what was written stays, what is new belongs to it and nothing else."""
    this_minute = at.replace(second=0, microsecond=0)
    assert {i: row for i, row in after.rows.items() if i in before.rows} == before.rows
    new = [row for i, row in after.rows.items() if i not in before.rows]
    i01_never_more_than_there_is(before, after, this_minute)
    i01_a_hold_ends_with_its_offer(after, this_minute)
    for row in new:
        i02_windows_are_of_whole_minutes(row)
        if row.units > 0:
            i05_capacity_comes_of_what_was_just_said(before, after, row)
        else:
            i04_a_reversal_takes_from_its_own(before, after, row)
    for entry in after.rows.values():
        if entry.taken_from is None:
            parts = after.left_of(entry)
            assert all(after.held(edge, parts) >= 0 for edge in after.edges(entry.start, parts))
    for request in newly(before, after, "approved"):
        i07_exactly_what_was_agreed(before, after, request, lead)


def newly(before: Picture, after: Picture, state: str) -> list[Asked]:
    """Requests that the step brought into this state."""
    was = {i: request.state for i, request in before.requests.items()}
    return [r for i, r in after.requests.items() if r.state == state != was.get(i)]


def i01_never_more_than_there_is(before: Picture, after: Picture, since: datetime) -> None:
    """Σ at no instant above the room, unless it was so already: where Azure lowered the limit."""
    for edge in after.edges(since):
        assert after.held(edge) <= max(after.room, before.held(edge)), edge


def i01_a_hold_ends_with_its_offer(after: Picture, since: datetime) -> None:
    """Accepted, declined, withdrawn or lapsed: from that minute on nothing is kept for it."""
    for entry in after.rows.values():
        if entry.kind == "hold" and entry.request_id is not None:
            offered = after.requests[entry.request_id].state == "counter_offered"
            parts = after.left_of(entry)
            assert offered or not any(after.held(edge, parts) for edge in after.edges(since, parts))


def i02_windows_are_of_whole_minutes(row: Row) -> None:
    assert row.start < row.end
    assert row.start.second == row.start.microsecond == 0
    assert row.end.second == row.end.microsecond == 0


def i04_a_reversal_takes_from_its_own(before: Picture, after: Picture, row: Row) -> None:
    """So ending one burst leaves every other whole: only a baseline gives to another request."""
    assert row.taken_from is not None
    entry = after.rows[row.taken_from]
    assert row.deployment_id == entry.deployment_id
    assert entry.start <= row.start < row.end <= entry.end
    if row.request_id == entry.request_id:
        return
    taker = next(r for r in newly(before, after, "approved") if r.id == row.request_id)
    assert entry.kind in ("adopted", "baseline")
    assert taker.deployment_id == entry.deployment_id
    assert taker.kind == "transfer" or (taker.kind == "baseline" and taker.units < 0)


def i05_capacity_comes_of_what_was_just_said(before: Picture, after: Picture, row: Row) -> None:
    """A yes that was the last one, or an offer that is held."""
    state = "counter_offered" if row.kind == "hold" else "approved"
    assert row.request_id in {request.id for request in newly(before, after, state)}
    assert row.kind in ("hold", "burst", "baseline")


def i07_exactly_what_was_agreed(
    before: Picture, after: Picture, request: Asked, lead: timedelta
) -> None:
    """The least units, over the common window, of everybody's yes; a late yes begins now."""
    if request.kind == "give_back":
        return
    units, start, end = agreed(after, request, lead)
    new = [row for i, row in after.rows.items()
           if i not in before.rows and row.request_id == request.id]  # fmt: skip
    # What was held for its offer goes in the same step.
    mine = [r for r in new if r.taken_from is None or after.rows[r.taken_from].kind != "hold"]
    taken = [row for row in mine if row.units < 0]
    assert taken == [] or request.kind in ("transfer", "baseline")
    if request.kind == "transfer" or units < 0:
        for edge in after.edges(start, taken):
            assert after.held(edge, taken) == (-abs(units) if edge < end else 0)
        assert {row.deployment_id for row in taken} == {request.deployment_id}
    given = [(r.deployment_id, r.kind, r.units, r.start, r.end) for r in mine if r.units > 0]
    kind = "baseline" if end == OPEN_END else "burst"
    to = request.to_deployment_id or request.deployment_id
    assert given == ([] if units < 0 else [(to, kind, units, start, end)])
    if request.kind == "extension":
        i02_an_extension_begins_where_its_grant_ends(after, request, start)


def agreed(after: Picture, request: Asked, lead: timedelta) -> tuple[int, datetime, datetime]:
    parts = [said for said in after.standing(request) if said.outcome == "partial"]
    units = min([request.units, *(p.units for p in parts if p.units is not None)])
    start = max([request.starts_at, *(p.starts_at for p in parts if p.starts_at)])
    end = min([request.ends_at or OPEN_END, *(p.ends_at for p in parts if p.ends_at)])
    assert request.decided_at is not None
    begins_earlier = request.kind in ("burst", "baseline") and units > 0
    this_minute = request.decided_at.replace(second=0, microsecond=0)
    return units, max(start - (lead if begins_earlier else timedelta(0)), this_minute), end


def i02_an_extension_begins_where_its_grant_ends(
    after: Picture, request: Asked, start: datetime
) -> None:
    """To the minute: neither a gap nor both at once; later only where the yes came later."""
    grant = [row for row in after.rows.values() if row.request_id == request.parent_id]
    ends = [row.end for row in grant if row.units > 0 and row.kind != "hold"]
    assert start == request.starts_at == max(ends) or start > max(ends)
