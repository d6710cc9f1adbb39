"""What one provisioned unit (PTU) of a model serves, in weighted tokens.

Source: Microsoft Learn, "Provisioned throughput: sizing", 2026-09-23. Weighted tokens = uncached
input × its weight + cached input × its weight + output × its weight; one PTU serves
`input_tokens_per_minute_per_unit` of them a minute.
"""

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal


@dataclass(frozen=True)
class PtuModel:
    input_tokens_per_minute_per_unit: int
    input_weight: Decimal
    cached_input_weight: Decimal  # 0 before GPT-6: cached tokens are free there
    output_weight: Decimal

    def weighted_tokens(self, *, prompt: int, cached: int, generated: int) -> int:
        """To the whole token. `cached` is the part of `prompt` that came out of the cache."""
        exact = (
            (prompt - cached) * self.input_weight
            + cached * self.cached_input_weight
            + generated * self.output_weight
        )
        return int(exact.quantize(Decimal(1), rounding=ROUND_HALF_EVEN))

    def capacity_tokens(self, unit_minutes: int) -> int:
        """The weighted tokens that so many unit-minutes can serve."""
        return unit_minutes * self.input_tokens_per_minute_per_unit
