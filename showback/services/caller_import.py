"""Takes in a file of gateway aggregates: all of it, or none of it and a sentence for each line.

A file says everything of its gateway in the hours that it names: they are replaced whole, so the
same file twice is a no-op, and a corrected file corrects.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from django.db import transaction

from portal import audit
from portal.kernel.csv_files import MEGABYTE, Problem, quoted, text_of
from portal.kernel.windows import HOUR, Window, floor_to_hour
from portal.models import User
from quotas.selectors.metering import MeteredDeployment, metered_deployments
from showback.domain.gateway_csv import MOST_PROBLEMS, Line, parse
from showback.domain.measures import MISSING
from showback.gateway import CALLER_MEASURES, CallerKey
from showback.models import CallerHour, GatewaySource
from showback.services.caller_keys import rows_of_keys
from showback.services.caller_store import (
    MINUTES_OF_HOUR,
    WHOLE_HOUR,
    HourOfCallers,
    Ints,
    RowKey,
    lock_name,
    replace_hours,
)
from showback.services.locks import pipeline_lock
from showback.services.marks import open_since

MOST_BYTES = 20 * MEGABYTE


@dataclass(frozen=True)
class Imported:
    """`problems` not empty: nothing was taken in."""

    lines: int
    hours: int
    hours_changed: int
    problems: list[Problem]


def import_callers(gateway: str, content: bytes, *, by: User | None, at: datetime) -> Imported:
    """`gateway` names the source that the file is from. Safe to run twice, and by two at once."""
    text, problem = text_of(content, most_bytes=MOST_BYTES, split_by="days")
    if problem:
        return Imported(0, 0, 0, [problem])
    parsed = parse(text, at=at)
    deployments = metered_deployments(including_gone_since=open_since(at))
    known = _known(deployments)
    problems = sorted(
        [*parsed.problems, *_problems(parsed.lines, known, at=at)], key=lambda p: p.number
    )
    if not problems:
        problems = _read_elsewhere(parsed.lines, known)
    if problems:
        return Imported(len(parsed.lines), 0, 0, problems[:MOST_PROBLEMS])
    source = GatewaySource(kind=GatewaySource.Kind.FILE, key=gateway.strip().lower())
    with pipeline_lock(lock_name(source), wait=True), transaction.atomic():
        source, _ = GatewaySource.objects.get_or_create(
            kind=source.kind, key=source.key, defaults={"name": gateway.strip(), "active_from": at}
        )
        hours = _hours(source, parsed.lines, known, at=at)
        changed = replace_hours(source, hours)
        if changed:
            audit.record(
                "callers.imported",
                f"gateway_source/{source.pk}",
                actor_id=by.pk if by else None,
                at=at,
                lines=len(parsed.lines),
                hours=len(hours),
                hours_changed=changed,
            )
    return Imported(len(parsed.lines), len(hours), changed, [])


def _known(deployments: Sequence[MeteredDeployment]) -> dict[str, MeteredDeployment]:
    """By every name that only one deployment goes by."""
    found: dict[str, list[MeteredDeployment]] = defaultdict(list)
    for deployment in deployments:
        for name in _names(deployment):
            found[name].append(deployment)
    return {name: alone[0] for name, alone in found.items() if len(alone) == 1}


def _names(deployment: MeteredDeployment) -> list[str]:
    account = deployment.account_key.rpartition("/")[2]
    name = deployment.name.lower()
    return [f"{deployment.account_key}/deployments/{name}", f"{account}/{name}"]


def _problems(
    lines: Sequence[Line], known: Mapping[str, MeteredDeployment], *, at: datetime
) -> list[Problem]:
    found = []
    for line in lines:
        if line.deployment not in known:
            name = quoted(line.deployment)
            sentence = f"no one deployment is called {name}; give its resource id."
            found.append(Problem(line.number, sentence))
        elif line.time < open_since(at):
            sentence = f"figures before {open_since(at):%d %b %Y} stay as they are."
            found.append(Problem(line.number, sentence))
    return found


def _read_elsewhere(lines: Sequence[Line], known: Mapping[str, MeteredDeployment]) -> list[Problem]:
    """Hours of a deployment that a workspace's logs have: they would count twice."""
    wanted = {(known[line.deployment].id, floor_to_hour(line.time)): line for line in lines}
    ids, times = {key[0] for key in wanted}, [key[1] for key in wanted]
    window = Window(min(times), max(times) + HOUR)
    rows = CallerHour.objects.filter(
        source__kind=GatewaySource.Kind.LOGS,
        target__deployment_id__in=ids,
        hour__gte=window.start,
        hour__lt=window.end,
    )
    there = set(rows.order_by().values_list("target__deployment_id", "hour").distinct())
    return [
        Problem(
            line.number,
            f"{quoted(line.deployment)} was read from a workspace's logs in this hour; "
            "it would count twice.",
        )
        for key, line in sorted(wanted.items(), key=lambda item: item[1].number)
        if key in there
    ]


def _hours(
    source: GatewaySource,
    lines: Sequence[Line],
    known: Mapping[str, MeteredDeployment],
    *,
    at: datetime,
) -> dict[datetime, HourOfCallers]:
    keys = {line: _key(line, known[line.deployment]) for line in lines}
    rows = rows_of_keys(source, set(keys.values()), at=at)
    by_hour: dict[datetime, list[Line]] = defaultdict(list)
    for line in lines:
        by_hour[floor_to_hour(line.time)].append(line)
    return {
        hour: _of_minutes(members, keys, rows)
        if not members[0].is_hour
        else _of_hours(members, keys, rows)
        for hour, members in by_hour.items()
    }


def _key(line: Line, deployment: MeteredDeployment) -> CallerKey:
    """The same target, however the file names the deployment."""
    account = deployment.subdomain or deployment.account_key.rpartition("/")[2]
    return CallerKey(line.caller, line.product, account, deployment.name.lower())


def _of_hours(
    lines: Sequence[Line],
    keys: Mapping[Line, CallerKey],
    rows: Mapping[CallerKey, RowKey],
) -> HourOfCallers:
    sums: dict[RowKey, tuple[int, ...]] = {}
    for line in lines:
        values = _measures(line)
        key = rows[keys[line]]
        if any(value > 0 for value in values):
            sums[key] = _added(sums[key], values) if key in sums else values
    return HourOfCallers(WHOLE_HOUR, sums, {})


def _added(left: tuple[int, ...], right: tuple[int, ...]) -> tuple[int, ...]:
    """Two spellings of one deployment are one row; what either does not know is left out."""
    return tuple(
        max(a, b) if MISSING in (a, b) else a + b for a, b in zip(left, right, strict=True)
    )


def _of_minutes(
    lines: Sequence[Line],
    keys: Mapping[Line, CallerKey],
    rows: Mapping[CallerKey, RowKey],
) -> HourOfCallers:
    """Minutes that the file does not name are nought: it says all of the hour."""
    minutes: dict[RowKey, Ints] = {}
    knows_filtered = any(_measures(line)[_FILTERED] != MISSING for line in lines)
    for line in lines:
        values = minutes.setdefault(
            rows[keys[line]], np.zeros((len(CALLER_MEASURES), MINUTES_OF_HOUR), dtype=np.int64)
        )
        values[:, line.time.minute] += np.maximum(_measures(line), 0)
    if not knows_filtered:
        for values in minutes.values():
            values[_FILTERED] = MISSING
    return HourOfCallers.of_minutes(WHOLE_HOUR, minutes)


_FILTERED = CALLER_MEASURES.index("filtered")


def _measures(line: Line) -> tuple[int, ...]:
    """The file's counts are in the order of CALLER_MEASURES."""
    return tuple(MISSING if value is None else value for value in line.counts)
