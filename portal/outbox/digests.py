"""Letters with a day's messages: at seven in the morning, where their reader lives."""

from datetime import datetime, time, timedelta, tzinfo

from django.conf import settings
from django.db import transaction
from django.db.models import Min

from portal.models import Letter, MailMode, Message, User
from portal.outbox.wording import zone_of

AT = time(7)


def make_digests(*, at: datetime) -> int:
    """A letter to everybody whose morning has come and who has unread messages for it.

    What was read in the portal meanwhile is left out. Returns how many letters were made.
    """
    if not settings.HEADROOM_MAIL_IS_ON:
        return 0
    pending = Message.objects.for_digest().order_by().values("person", "person__time_zone")
    made = 0
    for row in pending.annotate(first=Min("notice__at")):
        if morning_after(row["first"], zone_of(row["person__time_zone"])) <= at:
            made += _make(row["person"], at=at)
    return made


def morning_after(at: datetime, zone: tzinfo) -> datetime:
    """The first 07:00 of the zone's wall clock after `at`."""
    day = at.astimezone(zone).date()
    morning = datetime.combine(day, AT, zone)
    return morning if morning > at else datetime.combine(day + timedelta(days=1), AT, zone)


@transaction.atomic
def _make(person_id: int, *, at: datetime) -> int:
    # The person's row is locked, so that two workers never make two letters of the same messages.
    User.objects.select_for_update().get(pk=person_id)
    rows = Message.objects.for_digest().filter(person_id=person_id)
    rows.filter(read_at__isnull=False).update(mail=MailMode.OFF)
    if not rows.exists():
        return 0
    letter = Letter.objects.create(
        person_id=person_id, is_digest=True, created_at=at, not_before=at
    )
    rows.update(letter=letter)
    return 1
