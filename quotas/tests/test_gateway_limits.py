"""Limits of services in a gateway: read, compared, written with the mark of what was read."""

import pytest

from portal.kernel.errors import ChangedMeanwhile, CloudReason, DomainError
from portal.models import AuditRow, Message, User
from quotas.models import Deployment, GatewayProduct, GivenReason, Pool, Service
from quotas.selectors.gateway_page import content_of
from quotas.services import gateway_limits, gateway_products, kill_switch
from quotas.services.freezes import add_freeze
from quotas.tests.conftest import ask, reconcile_at
from quotas.tests.factories import NOON, FakeAzure, utc
from quotas.tests.gateway_world import (
    FOREIGN,
    MINUTE,
    PLACE,
    FakeGateway,
    fresh,
    gateway,
    product,
    refused,
    run,
    sales,
    turn_on,
    writing,
)

__all__ = ["gateway", "product", "sales", "writing"]


def verbs() -> list[str]:
    found = AuditRow.objects.filter(verb__startswith="gateway_limits").order_by("pk")
    return [verb.partition(".")[2] for verb in found.values_list("verb", flat=True)]


def agree(product: GatewayProduct, by: User, reason: str = "Not agreed.") -> None:
    content = content_of(product)
    gateway_products.write_back(product, content=content, reason=reason, by=by, at=NOON)


def test_a_new_product_is_read_and_nothing_is_written(product, gateway: FakeGateway) -> None:
    assert gateway.writes == []
    assert (product.mode, product.product_id, product.read_at) == ("observe", "ai", NOON)
    assert [key["id"] for key in product.subscriptions] == ["hr-prod", "sales-prod", "pilot"]
    run(gateway, NOON + 10 * MINUTE)
    assert gateway.writes == []
    assert verbs() == ["product_named"]


def test_applying_writes_the_limits_beside_what_others_wrote_and_verifies(
    writing: GatewayProduct, gateway: FakeGateway
) -> None:
    assert gateway.limits == {"chat-assistant": 60_000, "sales": 40_000}
    assert 'cors x="@(a < "b")"' in (gateway.xml or "")
    assert writing.applied_at == writing.verified_at == NOON + MINUTE
    assert verbs() == ["product_named", "mode_switched", "applied"]
    assert GivenReason.objects.get().reason == "Agreed."
    run(gateway, NOON + 2 * MINUTE)
    run(gateway, NOON + 7 * MINUTE)
    assert len(gateway.writes) == 1, "the same is not written again"


def test_a_product_without_a_policy_gets_one(product, gateway: FakeGateway, cleo: User) -> None:
    gateway.xml = None
    turn_on(product, cleo)
    run(gateway, NOON + MINUTE)
    assert gateway.limits == {"chat-assistant": 60_000, "sales": 40_000}


def test_a_burst_raises_the_limits_when_it_is_up_and_its_end_takes_them_back(
    writing, gateway: FakeGateway, synced: FakeAzure, chat: Service, ada: User
) -> None:
    ask(chat, ada, units=40)
    start, end = utc("2026-03-03 10:00"), utc("2026-03-03 18:00")
    run(gateway, start)
    assert gateway.limits["sales"] == 40_000, "Azure has no more yet"
    reconcile_at(synced, start)
    run(gateway, start + MINUTE)
    assert gateway.limits == {"chat-assistant": 84_000, "sales": 56_000}
    run(gateway, end)
    assert gateway.limits == {"chat-assistant": 60_000, "sales": 40_000}


def test_an_edit_waits_for_a_yes_and_is_told_again_each_day(
    writing: GatewayProduct, gateway: FakeGateway, cleo: User
) -> None:
    gateway.edit("40000", "90000")
    for minutes in (7, 13):
        run(gateway, NOON + minutes * MINUTE)
    found = fresh(writing)
    assert (len(gateway.writes), found.edited_at) == (1, NOON + 7 * MINUTE)
    assert Message.objects.filter(notice__event="gateway.waits").count() == 1
    for hours, told in ((23, 1), (25, 2), (26, 2)):
        gateway_limits.tell_of_waiting(at=NOON + hours * 60 * MINUTE)
        assert Message.objects.filter(notice__event="gateway.waits").count() == told
    with pytest.raises(DomainError, match="Say why"):
        agree(found, cleo, " ")
    agree(found, cleo)
    run(gateway, NOON + 14 * MINUTE)
    assert gateway.limits["sales"] == 40_000
    assert (fresh(writing).edited_at, verbs()[-3:]) == (None, ["edited", "write_agreed", "applied"])
    with pytest.raises(ChangedMeanwhile):
        agree(fresh(writing), cleo)


def test_a_yes_is_to_the_edit_that_was_shown_and_to_no_other(
    writing: GatewayProduct, gateway: FakeGateway, cleo: User
) -> None:
    gateway.edit("40000", "90000")
    run(gateway, NOON + 7 * MINUTE)
    shown = fresh(writing)
    agree(shown, cleo)
    gateway.edit("90000", "70000")
    run(gateway, NOON + 8 * MINUTE)
    assert (len(gateway.writes), fresh(writing).agreed_at) == (1, None)
    assert Message.objects.filter(notice__event="gateway.waits").count() == 2
    with pytest.raises(ChangedMeanwhile):
        agree(shown, cleo)
    agree(fresh(writing), cleo)
    run(gateway, NOON + 9 * MINUTE)
    assert gateway.limits["sales"] == 40_000


def test_an_edit_that_is_taken_back_by_hand_is_over(writing, gateway: FakeGateway) -> None:
    gateway.edit("40000", "90000")
    run(gateway, NOON + 7 * MINUTE)
    gateway.edit("90000", "40000")
    run(gateway, NOON + 13 * MINUTE)
    assert fresh(writing).edited_at is None
    assert len(gateway.writes) == 1


def test_other_peoples_edits_are_no_edits_of_ours_and_stay(
    writing, gateway: FakeGateway, synced: FakeAzure, chat: Service, ada: User
) -> None:
    gateway.edit("<base />", '<base /><rate-limit calls="5" />')
    ask(chat, ada, units=40)
    start = utc("2026-03-03 10:00")
    reconcile_at(synced, start)
    run(gateway, start + MINUTE)
    assert gateway.limits["sales"] == 56_000
    assert '<rate-limit calls="5" />' in (gateway.xml or "")


def test_torn_marks_are_said_and_never_written_over(
    writing: GatewayProduct, gateway: FakeGateway, cleo: User
) -> None:
    gateway.edit("<!-- headroom limits end -->", "")
    run(gateway, NOON + 7 * MINUTE)
    assert "not one pair" in fresh(writing).sentence
    agree(fresh(writing), cleo)
    run(gateway, NOON + 13 * MINUTE)
    assert len(gateway.writes) == 1


def test_a_policy_that_changed_while_it_was_written_is_read_again_at_the_next_run(
    product: GatewayProduct, gateway: FakeGateway, cleo: User
) -> None:
    turn_on(product, cleo)
    gateway.during_write = lambda: gateway.edit("<base />", "<base /><mock />")
    run(gateway, NOON + MINUTE)
    assert (gateway.writes, fresh(product).applied_at) == ([], None)
    gateway.during_write = lambda: None
    run(gateway, NOON + 2 * MINUTE)
    assert gateway.limits["sales"] == 40_000
    assert "<mock />" in (gateway.xml or "")


def test_the_kill_switch_stops_the_write_that_is_about_to_go(
    product: GatewayProduct, gateway: FakeGateway, cleo: User
) -> None:
    turn_on(product, cleo)
    switch = kill_switch.throw(reason="Stop.", by=cleo, at=NOON)
    run(gateway, NOON + 6 * MINUTE)
    assert gateway.writes == []
    kill_switch.turn_off(switch, reason="Go.", by=cleo, at=NOON)
    run(gateway, NOON + 7 * MINUTE)
    assert len(gateway.writes) == 1


def test_in_a_freeze_no_limit_grows_and_an_end_goes_through(
    writing, gateway: FakeGateway, synced: FakeAzure, applying: Pool, chat, ada: User, cleo: User
) -> None:
    ask(chat, ada, units=40)
    begin, end = utc("2026-03-03 12:00"), utc("2026-03-03 18:00")
    add_freeze(
        applying, starts_at=begin, ends_at=end + 300 * MINUTE, reason="Fair.", by=cleo, at=NOON
    )
    reconcile_at(synced, utc("2026-03-03 10:00"))
    run(gateway, utc("2026-03-03 10:01"))
    ask(chat, ada, units=20, starts_at=utc("2026-03-03 13:00"))
    run(gateway, utc("2026-03-03 13:30"))
    assert gateway.limits["sales"] == 56_000
    run(gateway, end)
    assert gateway.limits["sales"] == 40_000


def test_a_refusal_is_kept_in_words_told_once_and_tried_again(
    product: GatewayProduct, gateway: FakeGateway, cleo: User
) -> None:
    turn_on(product, cleo)
    gateway.faults["write"] = [refused(CloudReason.FORBIDDEN), refused(CloudReason.FORBIDDEN)]
    run(gateway, NOON + MINUTE)
    found = fresh(product)
    assert found.sentence == "Azure said forbidden."
    later = found.not_before or NOON
    assert later > NOON + MINUTE
    run(gateway, later)
    assert Message.objects.filter(notice__event="gateway.waits").count() == 1
    assert verbs().count("refused") == 1
    run(gateway, NOON + 20 * MINUTE)
    assert (fresh(product).sentence, len(gateway.writes)) == ("", 1)


def test_a_write_whose_answer_was_lost_is_no_edit_of_somebody_else(
    writing, gateway: FakeGateway, synced: FakeAzure, chat: Service, ada: User
) -> None:
    ask(chat, ada, units=40)
    start = utc("2026-03-03 10:00")
    reconcile_at(synced, start)
    real = gateway.write_product_policy

    def lost(*args: str, **named: object) -> str:
        real(*args, **named)  # type: ignore[arg-type]
        raise refused(CloudReason.TIMEOUT, maybe_applied=True)

    gateway.write_product_policy = lost  # type: ignore[method-assign]
    run(gateway, start + MINUTE)
    assert fresh(writing).verified_at != start + MINUTE
    gateway.write_product_policy = real  # type: ignore[method-assign]
    # Meanwhile the burst ended, so neither what was sent nor what was there before is wanted.
    run(gateway, utc("2026-03-03 18:00"))
    assert gateway.limits["sales"] == 40_000
    assert fresh(writing).edited_at is None


def test_what_api_management_took_and_does_not_show_is_not_verified(
    product: GatewayProduct, gateway: FakeGateway, cleo: User
) -> None:
    turn_on(product, cleo)
    gateway.keeps_old = True
    run(gateway, NOON + MINUTE)
    found = fresh(product)
    assert (found.applied_at, found.verified_at) == (NOON + MINUTE, None)
    assert "shows others" in found.sentence
    gateway.keeps_old = False
    run(gateway, NOON + 6 * MINUTE)
    assert fresh(product).verified_at == NOON + 6 * MINUTE


def test_what_was_put_there_by_hand_from_the_file_counts_as_verified(
    product: GatewayProduct, gateway: FakeGateway, cleo: User
) -> None:
    turn_on(product, cleo)
    run(gateway, NOON + MINUTE)
    text = gateway.xml or ""
    gateway_products.switch_mode(product, mode="observe", reason="By hand.", by=cleo, at=NOON)
    gateway.put(FOREIGN)
    run(gateway, NOON + 7 * MINUTE)
    assert fresh(product).edited_at is None, "nobody is asked where nothing is written"
    gateway.put(text)
    run(gateway, NOON + 13 * MINUTE)
    assert fresh(product).verified_at == NOON + 13 * MINUTE
    assert len(gateway.writes) == 1


def test_two_workers_look_once(product: GatewayProduct, gateway: FakeGateway) -> None:
    other = fresh(product)
    assert gateway_limits.look(product, gateway=gateway, at=NOON + 6 * MINUTE)
    assert not gateway_limits.look(other, gateway=gateway, at=NOON + 6 * MINUTE)


def test_an_error_of_one_product_stops_no_other_and_leaves_it_as_it_was(
    product: GatewayProduct, gateway: FakeGateway
) -> None:
    gateway.faults["keys"] = [RuntimeError("nobody foresaw it")]
    assert run(gateway, NOON + 6 * MINUTE) == 0
    assert run(gateway, NOON + 12 * MINUTE) == 1


def test_who_decides(product, applying: Pool, gateway: FakeGateway, ada: User, cleo: User) -> None:
    deployment = product.deployment
    with pytest.raises(DomainError, match="owner of the pool"):
        turn_on(product, ada)
    with pytest.raises(DomainError, match="no product nothing. It has: ai, second"):
        gateway_products.name_product(
            deployment, gateway_id=PLACE, product_id="nothing", gateway=gateway, by=cleo, at=NOON
        )
    other = Deployment.objects.get(name="search")
    with pytest.raises(DomainError, match="another deployment"):
        gateway_products.name_product(
            other, gateway_id=PLACE.upper(), product_id="ai", gateway=gateway, by=cleo, at=NOON
        )
    applying.owners.add(ada)
    with pytest.raises(DomainError, match="Only a platform owner names the product"):
        gateway_products.name_product(
            deployment, gateway_id=PLACE, product_id="second", gateway=gateway, by=ada, at=NOON
        )
    turn_on(product, ada)
    with pytest.raises(DomainError, match="observe first"):
        gateway_products.name_product(
            deployment, gateway_id=PLACE, product_id="ai", gateway=gateway, by=cleo, at=NOON
        )


def test_a_model_without_tokens_per_minute_has_no_limits_and_says_why(
    product: GatewayProduct, gateway: FakeGateway, cleo: User
) -> None:
    Deployment.objects.filter(pk=product.deployment_id).update(tokens_per_minute_per_unit=None)
    turn_on(product, cleo)
    run(gateway, NOON + MINUTE)
    assert gateway.writes == []
