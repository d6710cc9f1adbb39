"""Sandboxes on real connections: two clicks at once, and many people for the last units."""

from collections.abc import Callable
from typing import Any

import pytest

from portal.kernel.windows import DAY, Window
from portal.models import User
from quotas.domain.ledger import steps_over
from quotas.models import Deployment, LedgerEntry, Pool, Sandbox, Service, Team
from quotas.selectors.rooms import pool_entries
from quotas.services.sandboxes import claim, give_up, renew
from quotas.tests.factories import NOON, person, team
from quotas.tests.test_concurrency import at_once
from quotas.tests.test_sandboxes import END, LATE, mine, playground  # noqa: F401

pytestmark = pytest.mark.django_db(transaction=True)


def peak(pool: Pool) -> int:
    window = Window(NOON, NOON + 90 * DAY)
    return max(step.units for step in steps_over(pool_entries(pool, window), window))


def claims(deployment: Deployment, by: User) -> Callable[[], Any]:
    return lambda: claim(deployment, purpose="Try.", by=by, at=NOON)


def test_i01_many_claim_the_last_units_at_once(
    playground: Deployment,  # noqa: F811
    pool: Pool,
    atlas: Team,
) -> None:
    """1,000 units, 301 held, 674 in reserve: 25 are left, so two of eight people get ten each."""
    Pool.objects.update(reserve_units=674)
    people = [person(f"P{number}") for number in range(8)]
    for each in people:
        team("Atlas", member=each)
    said = at_once([claims(playground, each) for each in people])
    assert sorted(said) == ["", "", *["pool_exhausted"] * 6]
    assert (peak(pool), Sandbox.objects.count()) == (321, 2)
    assert Service.objects.filter(sandbox__isnull=False).count() == Service.objects.count()


def test_one_person_who_claims_twice_at_once_has_one(
    playground: Deployment,  # noqa: F811
    atlas: Team,
    ben: User,
) -> None:
    said = at_once([claims(playground, ben) for _ in range(4)])
    assert sorted(said) == ["", *["sandbox_there"] * 3]
    assert (Sandbox.objects.count(), LedgerEntry.objects.filter(kind="burst").count()) == (1, 1)


def test_kept_twice_at_once_it_is_kept_once(
    mine: Sandbox,  # noqa: F811
    ben: User,
    pool: Pool,
) -> None:
    said = at_once([lambda: renew(mine, by=ben, at=LATE) for _ in range(4)])
    assert sorted(said) == ["", *["too_early"] * 3]
    assert peak(pool) == 311


def test_kept_and_given_up_at_once_nothing_is_left_behind(
    mine: Sandbox,  # noqa: F811
    ben: User,
    pool: Pool,
) -> None:
    """Whichever comes first: what is given up is given up whole, and what is over is not kept."""
    keep, stop = lambda: renew(mine, by=ben, at=LATE), lambda: give_up(mine, by=ben, at=LATE)
    said = at_once([keep, stop])
    assert said in (["", ""], ["sandbox_over", ""])
    later = Window(LATE, END + 60 * DAY)
    assert max(step.units for step in steps_over(pool_entries(pool, later), later)) == 301
