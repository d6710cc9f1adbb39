"""The changes that tell how far what was granted has come to Azure."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import NamedTuple

from django.db.models import Q

from quotas.domain.states import OPEN_CHANGE_STATES, ChangeState
from quotas.models import Change


class NewestChanges(NamedTuple):
    """By deployment id the one that is open, and when the last one was verified; by request id the
    one that Headroom stopped trying at the end of its window, so that the burst was never there.
    """

    open: dict[int, Change]
    verified_at: dict[int, datetime]
    gave_up: dict[int, Change]


def newest_changes(deployments: Collection[int], *, over: Collection[int] = ()) -> Q:
    """Of each deployment the change that is open and the one that was verified last; of those where
    a window is `over` also all that were given up. For `told_by`.
    """
    theirs = Q(deployment__in=deployments)
    done = Change.objects.filter(theirs, state=ChangeState.SUCCEEDED)
    last = done.order_by("deployment_id", "-verified_at").distinct("deployment_id").values("pk")
    gave_up = Q(deployment__in=over, gave_up_at__isnull=False)
    return theirs & (Q(state__in=sorted(OPEN_CHANGE_STATES)) | Q(pk__in=last) | gave_up)


def told_by(changes: Iterable[Change]) -> NewestChanges:
    """By `newest_changes`, read `with_holds`; any others may be among them."""
    found = NewestChanges({}, {}, {})
    for change in changes:
        key = change.deployment_id
        if change.state in OPEN_CHANGE_STATES:
            found.open[key] = change
        elif change.state == ChangeState.SUCCEEDED and change.verified_at:
            verified_at = found.verified_at.get(key, change.verified_at)
            found.verified_at[key] = max(change.verified_at, verified_at)
        marked = [each["request"] for each in change.because if each.get("gave_up")]
        found.gave_up.update(dict.fromkeys(marked, change))
    return found
