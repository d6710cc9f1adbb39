"""The plan as plain text, for the command: one paragraph for each pool."""

from collections.abc import Sequence

from quotas.selectors.pool_plan import PoolPlan, Step

NOTHING = "Nothing to do: Azure has what the ledger wants, in every pool that holds capacity."
OBSERVES = "observe only: nothing of this is asked of Azure until an owner turns applying on"
KILLED = "the kill switch is on: nothing is written"


def plan_text(plans: Sequence[PoolPlan]) -> str:
    """Pools without a change are left out; a sentence where none has any."""
    parts = [_pool(plan) for plan in plans if not plan.is_empty]
    return "\n\n".join(parts) or NOTHING


def _pool(plan: PoolPlan) -> str:
    how = KILLED if plan.is_killed else "applying" if plan.pool.applies else OBSERVES
    room = f"Azure has room for {plan.room_before}"
    if plan.goes:
        room += f", {plan.room_after} afterwards"
    lines = [f"{plan.name} ({how})", f"  {room}."]
    lines += [_line(f"{step.number:>3}.", step) for step in plan.goes]
    lines += [_line("   –", step) for step in plan.waits]
    return "\n".join(lines)


def _line(mark: str, step: Step) -> str:
    row = step.row
    why = ", ".join(text for text, _ in row.why)
    amounts = f"{step.units_before:,} → {step.units_after:,} units ({step.difference})"
    room = f"; room {step.room_after}" if step.room_after is not None else ""
    said = f"\n       {row.sentence}" if row.sentence else ""
    return f"{mark} {row.deployment}: {amounts}, {why}; {row.status.word.lower()}{room}{said}"
