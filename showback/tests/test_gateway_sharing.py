"""What limits in a gateway need to know of a shared deployment: its keys, and how it is divided."""

from datetime import timedelta

from portal.kernel.windows import HOUR, floor_to_hour
from quotas.gateway import Sharing
from showback.evidence import UsageHistory
from showback.models import Caller
from showback.services.caller_mapping import end_mapping, map_caller
from showback.services.sharing import end_sharing, set_split_rule
from showback.tests.factories import AT

NOW = floor_to_hour(AT)


def sharing(world, at=AT) -> Sharing:
    return UsageHistory().sharing([world.chat.pk, world.stray.pk], at=at)[world.chat.pk]


def test_keys_are_their_services_as_long_as_they_are_mapped(shared):
    caller = Caller.objects.get(key="assistant-key")
    assert sharing(shared) == Sharing()
    map_caller(caller, service_id=shared.digest.pk, start=NOW, by=shared.cleo, at=AT)
    assert sharing(shared).callers == {"assistant-key": frozenset([shared.digest.pk])}
    assert UsageHistory().sharing([shared.stray.pk], at=AT) == {shared.stray.pk: Sharing()}
    end_mapping(caller, by=shared.cleo, at=AT)
    assert sharing(shared).callers == {}


def test_a_product_stands_for_all_its_keys(shared):
    product = Caller.objects.get(kind=Caller.Kind.PRODUCT, key="ai-apps")
    map_caller(product, service_id=shared.assistant.pk, start=NOW, by=shared.cleo, at=AT)
    assert sharing(shared).products == {"ai-apps": frozenset([shared.assistant.pk])}
    assert sharing(shared).callers == {}


def test_the_split_rule_divides_it_as_long_as_it_is_shared(shared, django_assert_num_queries):
    points = {shared.assistant.pk: 7000, shared.digest.pk: 3000}
    set_split_rule(shared.chat.pk, points, start=NOW, until=None, reason="x", by=shared.cleo, at=AT)
    with django_assert_num_queries(3):
        [rule] = sharing(shared).shares
    assert (rule.basis_points, rule.window.start) == (points, NOW)
    end_sharing(shared.chat.pk, end=NOW + HOUR, by=shared.cleo, at=AT)
    [rule] = sharing(shared).shares
    assert rule.window.length == timedelta(hours=1)
