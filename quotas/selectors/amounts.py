"""Tokens, requests and units of one deployment, both ways, with the rounding said.

The one place where what people type becomes units and units become what people read; the
arithmetic is `portal/kernel/units.py`.
"""

from dataclasses import dataclass

from portal.kernel import formatting
from portal.kernel.units import Amount, BoundBy, UnitStep, amount_for
from quotas.models import Deployment
from quotas.selectors.words import amount_word


@dataclass(frozen=True)
class Asked:
    """As it was typed: tokens per minute (units or PTUs where there is no rate), and requests."""

    amount: int
    requests: int = 0


def step_of(deployment: Deployment) -> UnitStep:
    """The amounts that its model can have; whole units where Azure states nothing."""
    return UnitStep(deployment.minimum_units or 1, deployment.step_units or 1)


def step_of_request(deployment: Deployment) -> UnitStep:
    """The amounts in which it can be asked for: a first baseline whole, all else on top."""
    step = step_of(deployment)
    return step if deployment.is_expected else step.on_top()


def typed(deployment: Deployment, units: int) -> int:
    """Units in what people type: tokens per minute where there is a rate, else units or PTUs."""
    if deployment.is_provisioned:
        return units
    return deployment.rate.tokens(units) or units


def on_top(
    deployment: Deployment,
    *,
    tokens_per_minute: int = 0,
    requests_per_minute: int = 0,
    units: int = 0,
) -> Amount:
    """What is added to a deployment that has capacity already: whole steps, no minimum.

    Raises ValueError when Azure states no rate for what is asked.
    """
    return amount_for(
        tokens_per_minute=tokens_per_minute,
        requests_per_minute=requests_per_minute,
        units=units,
        rate=deployment.rate,
        step=step_of(deployment).on_top(),
    )


def units_of(deployment: Deployment, asked: Asked) -> int:
    """The fewest units that give what was typed. What is typed in units or PTUs, and what is below
    one, stays as it is: the rules of the request say what is wrong with it.
    """
    if amount_word(deployment) != "TPM" or asked.amount < 0 or not (asked.amount or asked.requests):
        return asked.amount
    return _of_tokens(deployment, asked).units


def same_in(other: Deployment, deployment: Deployment, units: int) -> int:
    """As many units of `other` as give at least the tokens and requests per minute that `units` of
    the deployment give; the same number where `other` is not counted in tokens.
    """
    if other.pk == deployment.pk or amount_word(other) != "TPM":
        return units
    rate = deployment.rate
    requests = rate.requests(units) if other.requests_per_minute_per_unit else 0
    return units_of(other, Asked(rate.tokens(units) or 0, requests or 0))


def rounding_sentence(deployment: Deployment, asked: Asked, units: int) -> str:
    """`80 units give 80,000 tokens and 480 requests per minute; rounded up from 79,500.`"""
    gives = [
        f"{count:,} {what}"
        for count, what in (
            (deployment.rate.tokens(units), "tokens"),
            (deployment.rate.requests(units), "requests"),
        )
        if count is not None
    ]
    noun = formatting.units(units, "PTU" if deployment.is_provisioned else "unit")
    verb = "gives" if units == 1 else "give"
    text = f"{noun} {verb} {' and '.join(gives)} per minute" if gives else str(noun)
    return f"{text}{_why(deployment, asked, units)}."


def _why(deployment: Deployment, asked: Asked, units: int) -> str:
    if amount_word(deployment) != "TPM":
        return ""
    found = _of_tokens(deployment, asked)
    if not found.is_rounded or found.units != units:
        return ""
    if found.bound_by == BoundBy.REQUESTS:
        return f"; rounded up from {asked.requests:,} requests"
    return f"; rounded up from {asked.amount:,}"


def _of_tokens(deployment: Deployment, asked: Asked) -> Amount:
    return on_top(deployment, tokens_per_minute=asked.amount, requests_per_minute=asked.requests)
