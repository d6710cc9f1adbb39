"""People out of a CSV file: all of it is checked, then all of it is written, or none.

What a file does not say stays as it is: nobody leaves because a line is missing. The same file
twice changes nothing. Nobody gains by it what the importer may not give (`_may`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models.functions import Lower

from portal import audit
from portal.kernel.csv_files import Problem, quoted, text_of
from portal.kernel.errors import ChangedMeanwhile
from portal.models import Role, User
from quotas.domain.people_csv import MOST_BYTES, MOST_PROBLEMS, NONE, Line, parse
from quotas.models import Membership, Team
from quotas.services.refusals import refuse

ADDED, CHANGED, DEACTIVATED = "added", "changed", "deactivated"


@dataclass
class PersonChange:
    """What becomes of one person. `says` are the changes in words, `fields` the columns, `teams`
    the role by team id, NONE where they leave.
    """

    number: int
    person: User
    is_new: bool = False
    says: list[str] = field(default_factory=list)
    fields: dict[str, object] = field(default_factory=dict)
    teams: dict[int, str] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        if self.is_new:
            return ADDED
        return DEACTIVATED if self.fields.get("is_active") is False else CHANGED

    @property
    def username(self) -> str:
        return self.person.username


@dataclass(frozen=True)
class ImportPlan:
    """What a file would do. With `problems`, nothing is written."""

    lines: int
    changes: tuple[PersonChange, ...]
    problems: tuple[Problem, ...]

    def of(self, kind: str) -> list[PersonChange]:
        return [change for change in self.changes if change.kind == kind]

    @property
    def added(self) -> list[PersonChange]:
        return self.of(ADDED)

    @property
    def changed(self) -> list[PersonChange]:
        return self.of(CHANGED)

    @property
    def deactivated(self) -> list[PersonChange]:
        return self.of(DEACTIVATED)


def plan_import(content: bytes, *, by: User | None, at: datetime, lock: bool = False) -> ImportPlan:
    """What the file would change, without changing it. `by` None: the operator of the machine.
    `lock`, inside a transaction, those whom it names.

    Raises DomainError for somebody who may not import people.
    """
    if by is not None and not by.manages_people:
        raise refuse("not_yours", "Only platform owners and administrators import people.")
    text, problem = text_of(content, most_bytes=MOST_BYTES, split_by="teams")
    if problem:
        return ImportPlan(0, (), (problem,))
    parsed = parse(text)
    if parsed.problems:
        return ImportPlan(len(parsed.lines), (), tuple(parsed.problems))
    known, teams = _known(parsed.lines, lock=lock), _teams()
    changes: dict[str, PersonChange] = {}
    problems: list[Problem] = []
    for line in parsed.lines:
        try:
            change = changes.setdefault(line.key, _blank(line, known, at=at))
            _add(change, line, teams, by)
        except ValueError as error:
            problems.append(Problem(line.number, str(error)))
    really = () if problems else tuple(change for change in changes.values() if change.says)
    return ImportPlan(len(parsed.lines), really, tuple(problems[:MOST_PROBLEMS]))


@transaction.atomic
def import_people(content: bytes, *, by: User | None, at: datetime) -> ImportPlan:
    """Writes what `plan_import` says, with one audit row; nothing where any line is wrong.

    Raises ChangedMeanwhile where somebody else imports the same people at this moment.
    """
    found = plan_import(content, by=by, at=at, lock=True)
    if found.problems or not found.changes:
        return found
    try:
        with transaction.atomic():
            for change in found.changes:
                _write(change, at=at)
    except IntegrityError:
        raise ChangedMeanwhile("The list of people") from None
    audit.record(
        "people.imported",
        "people",
        actor_id=by.pk if by else None,
        at=at,
        lines=found.lines,
        **{kind: [change.person.pk for change in of] for kind, of in _by_kind(found).items()},
    )
    return found


def _known(lines: Iterable[Line], *, lock: bool) -> dict[str, User]:
    """By user name in lower case, with roles and memberships."""
    keys = {line.username.lower() for line in lines}
    rows = User.objects.alias(key=Lower("username")).filter(key__in=keys).order_by("pk")
    if lock:
        rows = rows.select_for_update()
    found = rows.prefetch_related("role_grants", "memberships")
    return {person.username.casefold(): person for person in found}


def _teams() -> dict[str, Team]:
    """By name and by short name, in lower case; a name goes before a short name."""
    rows = list(Team.objects.all())
    return {row.slug.casefold(): row for row in rows} | {row.name.casefold(): row for row in rows}


def _blank(line: Line, known: Mapping[str, User], *, at: datetime) -> PersonChange:
    person = known.get(line.key)
    if person is not None:
        return PersonChange(line.number, person)
    if not line.name:
        raise ValueError(f"nobody is called {quoted(line.username)}; to add them, give a name.")
    added = User(username=line.username, counted_from=at)
    added.set_unusable_password()
    return PersonChange(line.number, added, is_new=True, says=["added"])


def _add(change: PersonChange, line: Line, teams: Mapping[str, Team], by: User | None) -> None:
    """What this line says on top. Raises ValueError with a sentence."""
    person = change.person
    if line.name is not None and line.name != person.get_full_name():
        first, _, last = line.name.partition(" ")
        change.fields |= {"first_name": first, "last_name": last.strip()}
        _say(change, f"name: {line.name}")
    if line.email is not None and line.email.lower() != person.email.lower():
        _may(by, person, "e-mail address")
        change.fields["email"] = line.email
        _say(change, f"e-mail: {line.email}")
    if line.active is not None and line.active != person.is_active:
        _may(by, person, "access")
        change.fields["is_active"] = line.active
        _say(change, "may sign in again" if line.active else "may no longer sign in")
    if line.team is not None:
        _join(change, line, teams, by)


def _say(change: PersonChange, words: str) -> None:
    """Once, however many lines say it."""
    if words not in change.says:
        change.says.append(words)


def _may(by: User | None, person: User, what: str) -> None:
    """Nobody changes their own access by a file, and only administrators that of people with a role
    for the whole organisation. Raises ValueError with a sentence.
    """
    if by is None or person.pk is None:
        return
    if person.pk == by.pk:
        raise ValueError(f"it changes your own {what}. Somebody else has to do that.")
    if person.role_grants.all() and Role.ADMIN not in by.roles:
        raise ValueError(
            f"{quoted(person.username)} has a role for the whole organisation, so only an "
            f"administrator changes their {what}."
        )


def _join(change: PersonChange, line: Line, teams: Mapping[str, Team], by: User | None) -> None:
    """Joins, leaves, or has another role. Without a role who joins is a member."""
    team = teams.get((line.team or "").casefold())
    if team is None:
        raise ValueError(f"no team is called {quoted(line.team or '')}.")
    person = change.person
    has = _role_in(person, team)
    role = line.role or has or Membership.Role.MEMBER
    if role == has or (role == NONE and has is None):
        return
    if by is not None and person.pk == by.pk:
        raise ValueError("it changes your own role in a team. Somebody else has to do that.")
    change.teams[team.pk] = role
    _say(change, f"leaves {team}" if role == NONE else f"{role} of {team}")


def _role_in(person: User, team: Team) -> str | None:
    if person.pk is None:
        return None
    return next((row.role for row in person.memberships.all() if row.team_id == team.pk), None)


def _write(change: PersonChange, *, at: datetime) -> None:
    person = change.person
    for name, value in change.fields.items():
        setattr(person, name, value)
    if person.pk is None:
        person.save(force_insert=True)
    elif change.fields:
        if change.fields.get("is_active"):
            person.counted_from, person.last_seen_at = at, None  # their time begins anew
            change.fields |= {"counted_from": at, "last_seen_at": None}
        person.save(update_fields=sorted(change.fields))
    for team, role in change.teams.items():
        rows = Membership.objects.filter(team=team, user=person)
        if role == NONE:
            rows.delete()
        elif not rows.update(role=role):
            Membership.objects.create(team_id=team, user=person, role=role)


def _by_kind(found: ImportPlan) -> dict[str, Sequence[PersonChange]]:
    return {kind: found.of(kind) for kind in (ADDED, CHANGED, DEACTIVATED)}
