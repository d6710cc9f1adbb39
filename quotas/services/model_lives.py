"""What Azure says of the life of models, kept as rows; and who hears that one retires."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.urls import reverse

from portal.outbox import Event, key_of, tell, told_already
from quotas.gateway import Inventory, ModelSkuSeen
from quotas.models import Deployment, ModelLife, Service
from quotas.selectors.model_register import Retirement, retirements_of
from quotas.selectors.people import operators_of_any, owners_of

# How long before its end owners hear of it: when it comes this near, each once.
TOLD_BEFORE = (timedelta(180), timedelta(90), timedelta(30), timedelta(7))
FACTS = ("lifecycle", "retires_at", "is_planned", "successor")

Key = tuple[str, str, str, str, str]


def keep_lives(seen: Inventory, *, at: datetime) -> None:
    """Writes only what differs. What is listed no more keeps what was said of it."""
    subscription = seen.subscription_id.lower()
    rows = ModelLife.objects.filter(subscription_id=subscription)
    known = {_key(row): row for row in rows}
    new, changed = [], []
    for key, sku in _listed(seen.model_skus).items():
        facts = {name: getattr(sku.life, name) for name in FACTS}
        row = known.get(key)
        if row is None:
            named = dict(zip(NAMES, key, strict=True))
            new.append(ModelLife(subscription_id=subscription, **named, **facts, said_at=at))
        elif facts != {name: getattr(row, name) for name in FACTS}:
            for name, value in facts.items():
                setattr(row, name, value)
            row.said_at = at
            changed.append(row)
    ModelLife.objects.bulk_create(new, batch_size=1_000)
    ModelLife.objects.bulk_update(changed, [*FACTS, "said_at"], batch_size=1_000)


NAMES = ("region", "model_format", "model_name", "model_version", "sku_name")


def _listed(skus: Iterable[ModelSkuSeen]) -> dict[Key, ModelSkuSeen]:
    """Fine-tuned models have names of their own, which Azure does not list."""
    return {_key(sku): sku for sku in skus if not sku.is_fine_tuned}


def _key(row: ModelLife | ModelSkuSeen) -> Key:
    return (row.region, row.model_format, row.model_name, row.model_version, row.sku_name)


def tell_of_retirements(subscription_id: str, *, at: datetime) -> None:
    """Owners of services, and operators, as the planned end of a model that they have comes near.
    Each mark once; a date that Azure moves is told anew. Two queries where nothing is new.
    """
    rows = Deployment.objects.present().filter(account__subscription_id=subscription_id)
    near = {
        _fact(each, mark): each
        for each in retirements_of(rows, until=at + max(TOLD_BEFORE))
        if (mark := _mark(each, at=at)) is not None
    }
    told = told_already([key_of(*fact) for fact in near])
    new = {fact: each for fact, each in near.items() if key_of(*fact) not in told}
    services = Service.objects.in_bulk(
        {each.service_id for each in new.values() if each.service_id}
    )
    for (event, subject, occurrence), each in new.items():
        service = services.get(each.service_id or 0)
        tell(
            event,
            owners_of(service) if service else operators_of_any(),
            subject=subject,
            url=service.get_absolute_url() if service else reverse("models"),
            at=at,
            occurrence=occurrence,
            deployment=str(each.deployment),
            model=each.model,
            end_at=each.at,
            why=_instead(each),
        )


def _fact(each: Retirement, mark: timedelta) -> tuple[Event, str, str]:
    """Event, subject and occurrence."""
    subject = f"deployment/{each.deployment.pk}"
    return Event.MODEL_RETIRES, subject, f"{each.at.isoformat()}:{mark.days}"


def _mark(each: Retirement, *, at: datetime) -> timedelta | None:
    """The last that has passed; None where it is over, or far."""
    return min((mark for mark in TOLD_BEFORE if each.at - mark <= at < each.at), default=None)


def _instead(each: Retirement) -> str:
    if each.successor:
        return f"Azure names {each.successor} as what follows it."
    return "Azure names nothing that follows it."
