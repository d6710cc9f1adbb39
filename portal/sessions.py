"""Who a session belongs to: read with the session itself, and with what every page asks of a
person. One query is all that a page spends before its own.

Sessions are rows of the database and of nothing else, so signing out and being deactivated hold
from the next request on.
"""

from typing import Any

from django.conf import settings
from django.contrib import auth
from django.contrib.auth.models import AnonymousUser
from django.contrib.postgres.expressions import ArraySubquery
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.db.models import Count, Exists, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare

from portal.kernel.clock import now, real_now
from portal.models import Message, RoleGrant, Session, User


class SessionStore(DatabaseStore):
    """What SESSION_ENGINE names. `person` is known once the session was read, None for nobody's."""

    person: User | None = None

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        row = super().create_model_instance(data)
        assert isinstance(row, Session)  # noqa: S101  as `get_model_class` says
        row.person_id = data.get(auth.SESSION_KEY)
        return row

    def load(self) -> dict[str, Any]:
        """Empty for a session that is over. It ends in real time, whatever the portal's clock."""
        rows = _with_people().filter(session_key=self.session_key, expire_date__gt=real_now())
        row = rows.first()
        if row is None:
            self._session_key = None
            return {}
        self.person = _person_of(row)
        data: dict[str, Any] = self.decode(row.session_data)
        return data


def _with_people() -> QuerySet[Session]:
    who = OuterRef("person")
    pools = User.owned_pools.through.objects.filter(user_id=who)
    given = _related("delegations_taken").filter(to_person=who)
    unread = Message.objects.unread().filter(person=who).order_by().values("person")
    teams = _related("memberships").filter(user=who).order_by("team_id")
    return Session.objects.select_related("person").annotate(
        found_roles=ArraySubquery(RoleGrant.objects.filter(user=who).values("role")),
        found_teams=ArraySubquery(teams.values("team_id")),
        found_team_roles=ArraySubquery(teams.values("role")),
        found_pools=Exists(pools),
        found_delegations=Exists(given),
        found_delegations_now=Exists(given.in_force_at(now())),
        found_unread=Coalesce(Subquery(unread.values(found=Count("pk"))), 0),
        found_kill_switch=Subquery(_related("kill_switches_thrown").on().values("reason")[:1]),
    )


def _related(name: str) -> Any:
    """What others keep of people, by the name that it goes by here."""
    return User._meta.get_field(name).related_model.objects.all()  # type: ignore[union-attr]


def _person_of(row: Any) -> User | None:
    """What was read beside the row is theirs, so that nothing asks for it again."""
    person: User | None = row.person
    if person is not None:
        person.roles = frozenset(row.found_roles)
        person.team_roles = dict(zip(row.found_teams, row.found_team_roles, strict=True))
        person.owns_pools = row.found_pools
        person.may_stand_in = row.found_delegations
        person.stands_in = row.found_delegations_now
        person.unread_messages = row.found_unread
        person.kill_switch_because = row.found_kill_switch or ""
    return person


def person_of(request: HttpRequest) -> User | AnonymousUser:
    """Whom the session names, where all holds that Django asks of them. Where it does not, Django
    itself looks: it knows older keys, and ends a session that is not to be trusted.
    """
    person = _named_by(request.session)
    return person or auth.get_user(request)


def _named_by(session: Any) -> User | None:
    key = session.get(auth.SESSION_KEY)  # reads the session
    person: User | None = session.person
    if person is None or not person.is_active or key != str(person.pk):
        return None
    if session.get(auth.BACKEND_SESSION_KEY) not in settings.AUTHENTICATION_BACKENDS:
        return None
    signed = session.get(auth.HASH_SESSION_KEY, "")
    return person if constant_time_compare(signed, person.get_session_auth_hash()) else None
