"""One day of a member by line, with the grounds of each: "why this amount?"."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from portal.kernel import formatting
from portal.kernel.money import ZERO
from portal.kernel.received import Received
from portal.kernel.shown import Shown
from showback.domain.months import day_window
from showback.gateway import finance_zone
from showback.models import CostLine, Kept, Meter
from showback.selectors.cents import Days, day_cents
from showback.selectors.cost_rows import money_cents
from showback.selectors.grounds import Grounds, grounds_of
from showback.selectors.kept import older_than_kept
from showback.selectors.member_lines import cents_of_lines, lines_of_member
from showback.selectors.methods import member_shares
from showback.selectors.scope import MemberScope, deployments_of, label_of
from showback.selectors.unpriced import quantity
from showback.selectors.use_totals import UseTotals, condition_of, sum_of, use_by


@dataclass(frozen=True)
class LineRow:
    """One cost line with its grounds. `cents` None: unpriced."""

    deployment_id: int
    deployment: str
    category: str
    meter: str
    quantity: Shown
    unit: str
    price: Shown | None
    cents: Decimal | None
    exact: str
    is_estimated: bool
    method: str
    grounds: list[tuple[str, str]]

    @property
    def cost(self) -> Shown:
        return money_cents(self.cents)


@dataclass(frozen=True)
class ServiceDayPage:
    member: MemberScope
    day: date
    rows: list[LineRow]
    amount: Decimal
    use_by_deployment: dict[int, UseTotals]
    grounds: Grounds
    older_than_kept: str  # a sentence where the day's hours were dropped
    previous_url: str
    next_url: str

    @property
    def received(self) -> Received:
        return sum((of.received for of in self.use_by_deployment.values()), Received())

    @property
    def use(self) -> UseTotals:
        return sum_of(self.use_by_deployment.values())

    @property
    def cost(self) -> Shown:
        return self.received.at_least(money_cents(self.amount))

    @property
    def tokens(self) -> Shown:
        return self.received.at_least(formatting.tokens(self.use.tokens))


def service_day(member: MemberScope, day: date) -> ServiceDayPage:
    month = member.of.month
    wholes = day_cents(month.days, member.of.account, member.id)
    lines = lines_of_member(member, Days(day, day))
    deployments = deployments_of(month, {line.deployment_id for line in lines})
    labels = {key: label_of(found) for key, found in deployments.items()}
    cents = cents_of_lines(lines, wholes.get(day, ZERO))
    rows = [_line_row(line, part, labels) for line, part in zip(lines, cents, strict=True)]
    one_day = condition_of(Days(day, day), member.of.account, member.id)
    use, others = use_by("deployment_id", one_day), sorted(wholes)
    shares = member_shares(member.of.account, member.id, Days(day, day))
    return ServiceDayPage(
        member=member,
        day=day,
        rows=rows,
        amount=sum((row.cents or ZERO for row in rows), ZERO),
        use_by_deployment=use,
        grounds=grounds_of(list(use), day_window(day, finance_zone()), shares),
        older_than_kept="" if shares else older_than_kept(Kept.What.HOURS, day),
        previous_url=_neighbour(member, [other for other in others if other < day][-1:]),
        next_url=_neighbour(member, [other for other in others if other > day][:1]),
    )


def _neighbour(member: MemberScope, days: list[date]) -> str:
    return member.day_url(days[0]) if days else ""


def _line_row(line: CostLine, cents: Decimal, labels: dict[int, str]) -> LineRow:
    price = line.price
    return LineRow(
        deployment_id=line.deployment_id,
        deployment=labels.get(line.deployment_id, label_of(None)),
        category=CostLine.Category(line.category).label,
        meter=Meter(line.meter).label,
        quantity=quantity(line.quantity),
        unit="PTU-hours" if line.meter == Meter.PTU_HOUR else "tokens",
        price=money_per(line) if price else None,
        cents=cents if price else None,
        exact=f"{line.amount.normalize():f} {line.currency}" if line.amount is not None else "",
        is_estimated=line.is_estimated,
        method=CostLine.Method(line.method).label,
        grounds=_grounds(line),
    )


def money_per(line: CostLine) -> Shown:
    """`$2.50 a million tokens`, `$1.00 a PTU-hour`."""
    price = line.price
    amount = formatting.money_cents(price.price, price.currency)
    if price.price != price.price.quantize(Decimal("0.01")):
        amount = Shown(f"{formatting.symbol(price.currency)}{price.price.normalize():f}")
    what = "PTU-hour" if line.meter == Meter.PTU_HOUR else "million tokens"
    return Shown(f"{amount} a {what}", exact=f"price row {price.pk}", value=str(price.price))


def _grounds(line: CostLine) -> list[tuple[str, str]]:
    """Why this amount: quantity, how it is known, and the price row with its source."""
    grounds = [("Quantity", f"{line.quantity.normalize():,f} {line.unit}s")]
    grounds.append(("How it is known", CostLine.Method(line.method).label))
    price = line.price
    if price is None:
        return [*grounds, ("Price", "none is known: this line is not in the total")]
    scope = price.region_scope or "any region"
    return [
        *grounds,
        ("Price row", f"{price.pk}: {price.model_name or 'any model'} {price.sku_name}, {scope}"),
        ("In force from", f"{price.effective_from:%Y-%m-%d}"),
        ("Source", f"{price.source}, {price.source_date:%Y-%m-%d}"),
        ("Confidence", price.confidence),
        *([("Note", price.note)] if price.note else []),
        ("Exact amount", f"{line.amount.normalize():f} {line.currency}"),
    ]
