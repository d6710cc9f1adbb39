"""Baselines, extensions, transfers and give-backs: what each writes to the ledger, and refuses."""

from datetime import timedelta

import pytest

from portal.kernel.errors import DomainError
from portal.kernel.windows import FOREVER, Window
from portal.models import AuditRow, User
from quotas.models import CapacityRequest, Deployment, LedgerEntry, Pool, Service
from quotas.services import mapping
from quotas.services.asking import Draft
from quotas.services.decisions import approve, part_of
from quotas.services.give_back import give_back
from quotas.services.granting import units_held
from quotas.services.requests import submit
from quotas.services.reversing import steady_units
from quotas.tests import factories
from quotas.tests.conftest import ask, draft, sync
from quotas.tests.factories import NOON, FakeAzure, deployment_seen, utc

TOMORROW = utc("2026-03-03 10:00")
LATER = Window(utc("2026-03-04 00:00"), FOREVER)


def baseline(service: Service, units: int, **more: object) -> Draft:
    facts: dict[str, object] = {
        "kind": "baseline", "units": units, "ends_at": None, "occasion": "",
        "starts_at": TOMORROW, "purpose": "More people every week.",
    }  # fmt: skip
    return draft(service, **{**facts, **more})


def longer(grant: CapacityRequest, until: str, **more: object) -> Draft:
    facts = {"kind": "extension", "parent": grant, "ends_at": utc(until), "occasion": ""}
    return draft(grant.service, **{**facts, "purpose": "It takes longer.", **more})


@pytest.fixture
def bot(chat: Service, azure: FakeAzure, cleo: User, ada: User) -> Service:
    """A second service of Ada's, with 50 units of the same pool."""
    azure.add(deployment_seen("bot", 50))
    sync(azure)
    found = factories.service("Bot", chat.team, ada)
    mapping.map_deployment(Deployment.objects.get(name="bot"), service=found, by=cleo, at=NOON)
    return found


def transfer(service: Service, to: Service, units: int, **more: object) -> Draft:
    facts: dict[str, object] = {
        "kind": "transfer", "units": units, "to_deployment": to.deployments.get(), "ends_at": None,
        "occasion": "", "starts_at": TOMORROW, "purpose": "The bot takes over.",
    }  # fmt: skip
    return draft(service, **{**facts, **more})


def held(service: Service, window: Window = LATER) -> int:
    return steady_units(service.deployments.get(), window)


def test_a_higher_baseline_has_no_end_and_goes_to_people(
    chat: Service, ada: User, cleo: User
) -> None:
    request = submit(baseline(chat, 30), by=ada, at=NOON)
    assert (request.state, request.ends_at) == ("in_review", None)
    assert request.deadline_at == NOON + timedelta(days=7)
    approve(request, by=cleo, note="", at=NOON)
    entry = LedgerEntry.objects.get(request=request)
    assert (entry.kind, entry.units, entry.window) == ("baseline", 30, Window(TOMORROW, FOREVER))
    assert held(chat) == 130


def test_a_smaller_baseline_is_always_granted_as_reversing_entries(
    chat: Service, ada: User
) -> None:
    request = submit(baseline(chat, -30), by=ada, at=NOON)
    assert request.state == "approved"
    entry = LedgerEntry.objects.get(request=request)
    assert (entry.kind, entry.units, entry.window) == ("reversal", -30, Window(TOMORROW, FOREVER))
    assert held(chat) == 70
    assert held(chat, Window(NOON, TOMORROW)) == 100


def test_a_smaller_baseline_takes_the_newest_entries_first(
    chat: Service, ada: User, cleo: User
) -> None:
    more = submit(baseline(chat, 30), by=ada, at=NOON)
    approve(more, by=cleo, note="", at=NOON)
    submit(baseline(chat, -50), by=ada, at=NOON)
    taken = LedgerEntry.objects.filter(units__lt=0).exclude(request=None)
    assert sorted(taken.values_list("reverses__kind", "units")) == [
        ("adopted", -20),
        ("baseline", -30),
    ]
    assert held(chat) == 80


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"units": -100}, "at most 99,000 tokens per minute can go"),
        ({"units": 0}, "more than nothing"),
        ({"units": 5000}, "The whole pool has"),
        ({"ends_at": utc("2026-03-09 10:00")}, "A baseline has no end"),
        ({"purpose": " "}, "Say what it is for"),
        ({"units": 800}, "do not fit"),
    ],
)
def test_a_baseline_that_cannot_be_is_refused(
    chat: Service, ada: User, change: dict[str, object], sentence: str
) -> None:
    with pytest.raises(DomainError, match=sentence):
        submit(baseline(chat, 30, **change) if "units" not in change
               else baseline(chat, **change), by=ada, at=NOON)  # type: ignore[arg-type]  # fmt: skip
    assert not CapacityRequest.objects.exists()


def test_an_extension_begins_the_minute_its_grant_ends(
    chat: Service, pool: Pool, ada: User
) -> None:
    Pool.objects.update(lead=timedelta(minutes=15))
    grant = ask(chat, ada)
    request = submit(longer(grant, "2026-03-03 22:00"), by=ada, at=TOMORROW)
    assert (request.state, request.units, request.parent) == ("approved", 40, grant)
    entries = LedgerEntry.objects.filter(kind="burst").order_by("effective_from")
    first, second = entries
    assert first.effective_until == second.effective_from == utc("2026-03-03 18:00")
    assert second.effective_until == utc("2026-03-03 22:00")


def test_an_extension_is_judged_by_its_whole_length(chat: Service, ada: User) -> None:
    """8 hours and then 70 more: together past the 72 that the policy grants by itself."""
    grant = ask(chat, ada)
    request = submit(longer(grant, "2026-03-06 16:00"), by=ada, at=TOMORROW)
    assert request.state == "in_review"
    facts = request.evidence.get().facts["policy_facts"]
    assert (facts["hours"], facts["kind"]) == ("78", "extension")


def test_what_was_given_back_cannot_be_extended_not_even_by_a_late_yes(
    chat: Service, ada: User, cleo: User
) -> None:
    grant = ask(chat, ada)
    request = submit(longer(grant, "2026-03-06 16:00"), by=ada, at=TOMORROW)
    with pytest.raises(DomainError, match="asks for longer already"):
        submit(longer(grant, "2026-03-05 16:00"), by=ada, at=TOMORROW)
    give_back(grant, by=ada, reason="", at=utc("2026-03-03 12:00"))
    with pytest.raises(DomainError, match="Ask for a new burst instead"):
        approve(request, by=cleo, note="", at=utc("2026-03-03 13:00"))


@pytest.mark.parametrize(
    ("until", "at", "sentence"),
    [
        ("2026-03-03 18:00", "2026-03-03 12:00", "anyway"),
        ("2026-03-03 22:00", "2026-03-03 18:00", "nothing that could last longer"),
        ("2026-04-20 10:00", "2026-03-03 12:00", "31 days at most"),
    ],
)
def test_an_extension_that_cannot_be_is_refused(
    chat: Service, ada: User, until: str, at: str, sentence: str
) -> None:
    grant = ask(chat, ada)
    with pytest.raises(DomainError, match=sentence):
        submit(longer(grant, until), by=ada, at=utc(at))


def test_a_transfer_moves_both_ends_at_one_instant_in_a_full_pool(
    chat: Service, bot: Service, pool: Pool, ada: User, cleo: User
) -> None:
    """1,000 units with 650 in reserve: 350 held, nothing free; and nothing has to be."""
    Pool.objects.update(reserve_units=650)
    request = submit(transfer(chat, bot, 30), by=ada, at=NOON)
    assert request.state == "in_review"
    approve(request, by=cleo, note="", at=NOON)
    assert (held(chat), held(bot)) == (70, 80)
    assert (held(chat, Window(NOON, TOMORROW)), held(bot, Window(NOON, TOMORROW))) == (100, 50)
    out, into = LedgerEntry.objects.filter(request=request).order_by("units")
    assert (out.units, out.window, out.service) == (-30, into.window, chat)
    assert (into.units, into.kind, into.service) == (30, "baseline", bot)
    assert AuditRow.objects.filter(verb="transfer.approved").count() == 1


def test_a_bounded_transfer_comes_back_by_itself(
    chat: Service, bot: Service, ada: User, cleo: User
) -> None:
    end = utc("2026-03-05 10:00")
    request = submit(transfer(chat, bot, 30, ends_at=end), by=ada, at=NOON)
    approve(request, by=cleo, note="", at=NOON, part=part_of(request, units=20))
    during, after = Window(TOMORROW, end), Window(end, FOREVER)
    assert (held(chat, during), held(chat, after)) == (80, 100)
    assert LedgerEntry.objects.get(request=request, kind="burst").units == 20
    assert held(bot, after) == 50


def test_a_transfer_that_cannot_be_is_refused(
    chat: Service, bot: Service, search: Service, ada: User
) -> None:
    for wrong, sentence in (
        (transfer(chat, bot, 100), "at most 99,000"),
        (transfer(chat, bot, -1), "more than nothing"),
        (transfer(chat, chat, 10), "which other deployment"),
        (transfer(chat, search, 10), "Search belongs to Delta"),
    ):
        with pytest.raises(DomainError, match=sentence):
            submit(wrong, by=ada, at=NOON)
    assert not LedgerEntry.objects.exclude(request=None).exists()


def test_a_transfer_between_different_pools_is_refused(
    chat: Service, bot: Service, ada: User
) -> None:
    other = Pool.objects.create(
        subscription_id="x", scope_id="westus", region="westus", usage_name="y", kind="tokens",
        first_seen_at=NOON, last_seen_at=NOON,
    )  # fmt: skip
    bot.deployments.update(pool=other)
    with pytest.raises(DomainError, match="different quota pools"):
        submit(transfer(chat, bot, 10), by=ada, at=NOON)


def test_a_transfer_of_what_was_given_away_meanwhile_writes_nothing(
    chat: Service, bot: Service, ada: User, cleo: User
) -> None:
    request = submit(transfer(chat, bot, 60), by=ada, at=NOON)
    submit(baseline(chat, -60), by=ada, at=NOON)
    with pytest.raises(DomainError, match="holds 40,000 tokens per minute as its baseline"):
        approve(request, by=cleo, note="", at=NOON)
    assert (held(chat), held(bot)) == (40, 50)


def test_a_part_of_a_grant_is_given_back_and_the_rest_stays(chat: Service, ada: User) -> None:
    grant, noon = ask(chat, ada), utc("2026-03-03 12:00")
    give_back(grant, by=ada, reason="Fewer people came.", at=noon, units=15)
    assert (units_held(grant, TOMORROW), units_held(grant, noon)) == (40, 25)
    asked = CapacityRequest.objects.get(kind="give_back")
    assert (asked.units, asked.parent, asked.state) == (-15, grant, "approved")
    assert asked.decisions.get().note == "Giving back is always granted."
    with pytest.raises(DomainError, match="Only 25,000 tokens per minute of it are held"):
        give_back(grant, by=ada, reason="", at=noon, units=26)
    give_back(grant, by=ada, reason="", at=noon)
    assert units_held(grant, noon) == 0


def test_giving_back_waits_for_nobody_who_decides_on_the_pool(
    chat: Service, ada: User, cleo: User
) -> None:
    """Whatever the policy says of give-backs: no rule can hold one back."""
    grant = ask(chat, ada)
    give_back(grant, by=ada, reason="", at=utc("2026-03-03 12:00"))
    assert AuditRow.objects.filter(verb="burst.given_back").count() == 1
    assert not CapacityRequest.objects.open().exists()


def test_a_lower_baseline_cannot_be_extended_or_given_back_twice(chat: Service, ada: User) -> None:
    less = submit(baseline(chat, -30), by=ada, at=NOON)
    with pytest.raises(DomainError, match="is held any more"):
        give_back(less, by=ada, reason="", at=NOON)


def test_an_unknown_kind_is_refused(chat: Service, ada: User) -> None:
    with pytest.raises(DomainError, match="burst, a baseline, an extension or a transfer"):
        submit(draft(chat, kind="give_back"), by=ada, at=NOON)
