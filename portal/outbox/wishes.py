"""What a person wants by mail: a choice for each kind of event that can concern them."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db import transaction

from portal.models import MailMode, MailWish, User
from portal.outbox.kinds import KINDS, Event, Group, Kind


@dataclass(frozen=True)
class Wish:
    """One choice. `is_usual` while the person has not made it themselves."""

    event: Event
    kind: Kind
    mode: str
    is_usual: bool


def groups_for(user: User) -> list[Group]:
    """Pools are operated by some only; anybody may have to decide, as a delegate for instance."""
    return [group for group in Group if group != Group.OPERATE or user.operates_pools]


def wishes_of(user: User) -> dict[Group, list[Wish]]:
    """Under the headings of the page, in the order of the list of kinds. One query."""
    made = dict(MailWish.objects.filter(person=user).values_list("event", "mode"))
    found: dict[Group, list[Wish]] = {group: [] for group in groups_for(user)}
    for event, kind in KINDS.items():
        if kind.group in found:
            wish = Wish(event, kind, made.get(event, kind.mail), event not in made)
            found[kind.group].append(wish)
    return found


@transaction.atomic
def keep_wishes(user: User, chosen: Mapping[Event, MailMode]) -> None:
    """Of the events named; what equals the usual is kept as no wish, so it follows the default."""
    MailWish.objects.filter(person=user, event__in=chosen).delete()
    MailWish.objects.bulk_create(
        MailWish(person=user, event=event, mode=mode)
        for event, mode in chosen.items()
        if mode != KINDS[event].mail
    )
