"""One change: how far it came, what may be answered, and text that agrees with what Azure has."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.urls import reverse

from portal.models import User
from quotas.domain.plan import DRIFT
from quotas.domain.snippets import az_capacity, bicep, terraform
from quotas.models import Change
from quotas.selectors import words
from quotas.selectors.changes import ChangeRow, change_rows
from quotas.selectors.expectations import planned_deployment


@dataclass(frozen=True)
class Snippet:
    id: str
    title: str
    text: str


@dataclass(frozen=True)
class ChangePage:
    """`snippets` give the deployment the capacity that Azure has, for who keeps it as code; only of
    what was edited outside.
    """

    row: ChangeRow
    facts: list[tuple[str, Any]]
    snippets: list[Snippet]

    @property
    def trail(self) -> list[tuple[str, str]]:
        return [("Changes", reverse("changes")), (self.row.deployment, "")]

    @property
    def asks(self) -> bool:
        return self.row.may_adopt or self.row.may_write_back


def change_page(change: Change, user: User, *, at: datetime) -> ChangePage:
    """Needs what `changes_visible_to` reads with its rows."""
    [row] = change_rows([change], user, at=at)
    return ChangePage(row, _facts(change, at=at), _snippets(change))


def _facts(change: Change, *, at: datetime) -> list[tuple[str, Any]]:
    deployment = change.deployment
    answered = words.person_name(change.answered_by, nobody="")
    return [
        ("Azure had", words.amount(deployment, change.from_units)),
        # Not what the ledger wants: a freeze may allow a part of it, and it goes on meanwhile.
        ("Planned capacity", words.amount(deployment, change.to_units)),
        ("Azure has now", words.amount(deployment, deployment.capacity_units)),
        ("Planned", words.moment(change.planned_at, now=at)),
        ("Written", words.moment(change.written_at, now=at) if change.written_at else None),
        ("Read back", words.moment(change.verified_at, now=at) if change.verified_at else None),
        ("Attempts", str(change.attempts)),
        ("Answered by", answered or None),
        ("Because", change.answer_reason or None),
    ]


def _snippets(change: Change) -> list[Snippet]:
    if change.sentence != DRIFT or change.from_units <= 0:
        return []
    planned = planned_deployment(change.deployment, change.from_units)
    return [
        Snippet("terraform", "Terraform, with what Azure has", terraform(planned)),
        Snippet("bicep", "Bicep, with what Azure has", bicep(planned)),
        Snippet("capacity", "Bicep: the capacity that is there, to pass on", az_capacity(planned)),
    ]
