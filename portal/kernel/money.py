"""Money: exact `Decimal`, one currency, rounded once, and so that parts always sum to the whole."""

from collections.abc import Sequence
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Decimal

CENT = Decimal("0.01")
MILLION = Decimal(1_000_000)
ZERO = Decimal(0)


def to_cents(amount: Decimal) -> Decimal:
    """One amount on its own, to the cent, half to even.

    Parts of a whole go through `split_to_cents`.
    """
    return amount.quantize(CENT, rounding=ROUND_HALF_EVEN)


def split_to_cents(parts: Sequence[Decimal], whole: Decimal | None = None) -> list[Decimal]:
    """Rounds every part to the cent so that they sum to the rounded whole: largest remainder first.

    `whole` defaults to the exact sum of the parts. Ties go to the earlier part, so the same input
    always gives the same output. Raises ValueError when the whole is not within a cent a part of
    the parts' sum (then it is not their whole).
    """
    target = to_cents(sum(parts, ZERO) if whole is None else whole)
    floors = [part.quantize(CENT, rounding=ROUND_FLOOR) for part in parts]
    missing_cents = int((target - sum(floors, ZERO)) / CENT)
    if not 0 <= missing_cents <= len(parts):
        raise ValueError(f"{target} is not the whole of these {len(parts)} parts")
    by_remainder = sorted(range(len(parts)), key=lambda i: (floors[i] - parts[i], i))
    for i in by_remainder[:missing_cents]:
        floors[i] += CENT
    return floors
