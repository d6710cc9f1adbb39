"""How many units a workload needs, by the documented sizing of provisioned throughput.

Provisioned: (input tokens per minute + output weight × output tokens per minute) ÷ input tokens per
minute that one PTU serves (Azure documentation, provisioned throughput sizing, 2026-09-23; the
caller states no cache rate). Standard SKUs: whichever of tokens and requests needs more units; what
Azure answers for those is not verified. Integers throughout.
"""

from __future__ import annotations

from dataclasses import dataclass

from simulator.models_catalogue import ModelSku


@dataclass(frozen=True)
class Workload:
    """Requests of one shape at their peak."""

    requests_per_minute: int
    prompt_tokens: int
    generated_tokens: int


def estimated_units(sku: ModelSku, workloads: list[Workload]) -> int:
    """Units for all workloads together, rounded up once."""
    prompt = sum(each.requests_per_minute * each.prompt_tokens for each in workloads)
    generated = sum(each.requests_per_minute * each.generated_tokens for each in workloads)
    if sku.is_provisioned:
        weighted = prompt + sku.output_weight * generated
        return _ceil(weighted, sku.input_tokens_per_minute_per_unit)
    requests = sum(each.requests_per_minute for each in workloads)
    needs = ((prompt + generated, "token"), (requests, "request"))
    return max(_ceil(need, sku.per_minute(key) or 0) for need, key in needs)


def deployable_units(sku: ModelSku, units: int) -> int:
    """The smallest capacity the SKU accepts that is no less than ``units``."""
    return sku.capacity.smallest_for(units)


def _ceil(amount: int, by: int) -> int:
    return -(-amount // by) if by else 0
