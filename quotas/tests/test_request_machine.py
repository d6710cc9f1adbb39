"""Requests of every kind, answers, edits, offers, lapses, limits, many at once: in any order.

Each example begins with the same world and commits every step, on real connections. After each step
`machine.judge` and `machine.judge_reviews` hold the invariants against the rows. How many examples:
`HEADROOM_EXAMPLES`; `HEADROOM_SHRINK=1` looks for a short way to what it found.
"""

import os

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from portal.kernel.windows import DAY, FOREVER
from quotas.services import timeouts
from quotas.tests.machine.answering import Deciding
from quotas.tests.machine.judge_reviews import ENDED
from quotas.tests.machine.world import World, make_world

EXAMPLES = int(os.environ.get("HEADROOM_EXAMPLES", "6"))
# Threads never meet in the same way twice, so making an example smaller often leads nowhere.
SHRINK = [Phase.shrink] if os.environ.get("HEADROOM_SHRINK") else []


class Machine(Deciding):
    def teardown(self) -> None:
        """I8: time alone ends what nobody answers. I1: and then only baselines are held."""
        if not hasattr(self, "now"):
            return
        self.at += 60 * DAY
        self.step(lambda: timeouts.time_out_overdue(at=self.at))
        assert {request.state for request in self.now.requests.values()} <= set(ENDED)
        bounded = [r for r in self.now.rows.values() if r.start <= self.at < r.end != FOREVER]
        assert self.now.held(self.at, bounded) == 0


@pytest.fixture
def world(transactional_db: None) -> World:
    return make_world()


@pytest.mark.timeout(90 + EXAMPLES * 30)
def test_i01_to_i09_i15_i16_hold_after_any_steps_on_real_connections(world: World) -> None:
    run_state_machine_as_test(
        lambda: Machine(world),
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=40,
            deadline=None,
            phases=[Phase.explicit, Phase.reuse, Phase.generate, *SHRINK],
            suppress_health_check=list(HealthCheck),
        ),
    )
