"""Whole numbers shared out so that the parts sum to the whole, always."""

from collections.abc import Sequence


def split_whole(whole: int, weights: Sequence[int]) -> list[int]:
    """`whole` in proportion to the weights, by largest remainder; ties go to the earlier part.

    Weights are not negative. With no weight at all everything goes to the last part, which by
    custom is the remainder (unattributed). Raises ValueError without parts or below nought.
    """
    if not weights or whole < 0 or min(weights) < 0:
        raise ValueError(f"cannot share {whole} by {list(weights)}")
    total = sum(weights)
    if total == 0:
        return [0] * (len(weights) - 1) + [whole]
    parts = [whole * weight // total for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: (-(whole * weights[i] % total), i))
    for i in by_remainder[: whole - sum(parts)]:
        parts[i] += 1
    return parts
