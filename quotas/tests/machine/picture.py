"""What the tables hold at one moment, as plain rows: read with SQL, added up with loops."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection


class Row(NamedTuple):
    """A ledger entry. `taken_from` is the entry that a reversal takes from."""

    id: int
    deployment_id: int
    units: int
    start: datetime
    end: datetime
    kind: str
    request_id: int | None
    taken_from: int | None


class Asked(NamedTuple):
    """A request: the columns by which it is told apart, and how its review stands."""

    id: int
    kind: str
    state: str
    deployment_id: int
    to_deployment_id: int | None
    parent_id: int | None
    requester_id: int
    on_behalf_of_id: int | None
    units: int
    starts_at: datetime
    ends_at: datetime | None
    purpose: str
    occasion: str
    content_hash: str
    decided_at: datetime | None
    deadline_at: datetime | None
    escalated_at: datetime | None
    stages: list[dict[str, Any]]
    stage: int
    policy_version: int | None

    @property
    def askers(self) -> set[int]:
        return {self.requester_id} | ({self.on_behalf_of_id} - {None})  # type: ignore[operator]

    @property
    def content(self) -> tuple[Any, ...]:
        """Everything that an approver says yes to."""
        return (self.kind, self.deployment_id, self.to_deployment_id, self.parent_id,
                self.requester_id, self.on_behalf_of_id, self.units, self.starts_at, self.ends_at,
                self.purpose, self.occasion)  # fmt: skip


class Said(NamedTuple):
    """A decision."""

    id: int
    request_id: int
    stage: int
    decided_by_id: int | None
    delegated_by_id: int | None
    outcome: str
    units: int | None
    starts_at: datetime | None
    ends_at: datetime | None
    content_hash: str
    policy_version: int
    policy_facts: dict[str, Any]
    at: datetime
    voided_at: datetime | None
    carried_from_id: int | None


COLUMNS = {
    "start": "effective_from",
    "end": "effective_until",
    "taken_from": "reverses_id",
}
# Everything that a verb may write to. What was refused leaves all of it as it was.
WRITTEN = ("quotas_capacityrequest", "quotas_decision", "quotas_evidence", "quotas_ledgerentry",
           "quotas_delegation", "quotas_poolreserve", "portal_auditrow", "portal_notice",
           "portal_message")  # fmt: skip


@dataclass(frozen=True)
class Picture:
    rows: dict[int, Row]
    requests: dict[int, Asked]
    said: dict[int, Said]
    room: int  # limit − reserve − what belongs to nobody here; may be negative
    marks: str  # differs where anything was written at all

    def held(self, at: datetime, rows: Iterable[Row] | None = None) -> int:
        """Units in force: of the whole pool, or of these rows."""
        found = self.rows.values() if rows is None else rows
        return sum(row.units for row in found if row.start <= at < row.end)

    def edges(self, since: datetime, rows: Iterable[Row] | None = None) -> list[datetime]:
        """Between two of them no sum changes, so these moments stand for all that come."""
        found = self.rows.values() if rows is None else rows
        both = {edge for row in found for edge in (row.start, row.end)}
        return sorted({since} | {edge for edge in both if edge > since})

    def left_of(self, entry: Row) -> list[Row]:
        """The entry and what was taken from it."""
        return [entry, *(row for row in self.rows.values() if row.taken_from == entry.id)]

    def standing(self, request: Asked) -> list[Said]:
        """The approvals that count: not void, and of exactly this content."""
        return [
            said
            for said in self.said.values()
            if said.request_id == request.id
            and said.outcome in ("approved", "partial")
            and said.voided_at is None
            and said.content_hash == request.content_hash
        ]


def take_picture() -> Picture:
    room = _ask(
        "SELECT (SELECT limit_units - outside_units FROM quotas_poollimit "
        "ORDER BY observed_at DESC, id DESC LIMIT 1) - reserve_units FROM quotas_pool"
    )[0][0]
    return Picture(
        _read(Row, "quotas_ledgerentry"),
        _read(Asked, "quotas_capacityrequest"),
        _read(Said, "quotas_decision"),
        int(room),
        _marks(),
    )


def _read(shape: Any, table: str) -> dict[int, Any]:
    columns = ", ".join(COLUMNS.get(name, name) for name in shape._fields)
    rows = _ask(f"SELECT {columns} FROM {table} ORDER BY id")  # noqa: S608  names of ours
    return {row[0]: shape(*map(_plain, row)) for row in rows}


def _plain(value: Any) -> Any:
    """Django reads JSON columns as text where no model says what they are."""
    return json.loads(value) if isinstance(value, str) and value[:1] in ("[", "{") else value


def _marks() -> str:
    each = (f"(SELECT md5(string_agg(t::text, ';' ORDER BY id)) FROM {t} t)" for t in WRITTEN)  # noqa: S608
    return str(_ask(f"SELECT {', '.join(each)}")[0])  # noqa: S608  names of ours


def _ask(statement: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()
