"""What a step of the machine is: calls, at once or one alone, and what must hold after them."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any

from django.db import connection
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition

from portal.kernel.errors import DomainError
from portal.kernel.windows import MINUTE
from portal.models import User
from quotas.domain.ledger import desired_units
from quotas.domain.terms import Terms
from quotas.models import CapacityRequest, LedgerEntry
from quotas.selectors.inbox import with_people
from quotas.selectors.managed import managed
from quotas.selectors.rooms import entries_of
from quotas.services import decisions
from quotas.tests.factories import NOON
from quotas.tests.machine.judge import judge_ledger
from quotas.tests.machine.judge_reviews import (
    approvers,
    i16_the_stages_follow_from_the_facts,
    judge_reviews,
)
from quotas.tests.machine.picture import Asked, take_picture
from quotas.tests.machine.world import World

Call = Callable[[], Any]
which = st.integers(0, 30)  # one of those that there are
units = st.sampled_from([1, 10, 20, 21, 60, 150, 300, 301, 420, 650])
hours = st.integers(1, 40)
minutes = st.integers(0, 90)
# What just happens, once after each thing that somebody did: else it would be most of what does.
seldom = precondition(lambda self: self.is_new)


def said_of(call: Call) -> str:
    """The code of a refusal, or "": a refusal is an answer too. Any other error is a defect."""
    try:
        call()
    except DomainError as error:
        return error.code or "refused"
    return ""


def at_once(calls: list[Call]) -> list[str]:
    """Each on a connection of its own, all let go together."""
    gate = Barrier(len(calls), timeout=20)

    def run(call: Call) -> str:
        try:
            connection.ensure_connection()  # else they would come one after the other
            gate.wait()
            return said_of(call)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(run, calls, timeout=60))


class Steps(RuleBasedStateMachine):
    """`now` is what the tables hold; `at` only goes forward; `lead` is the pool's. `is_new`: what
    people did last has not been followed by time, or by anything else that just happens.
    """

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world, self.at = world, NOON
        self.contents: dict[str, tuple[Any, ...]] = {}

    def begin(self, lead: timedelta) -> None:
        self.lead = lead
        self.world.start_again(self.lead)
        self.now = self.before = take_picture()
        self.is_new = True

    def step(self, *calls: Call) -> list[str]:
        """What each of them said."""
        before, self.is_new = self.now, True
        self.before = before
        said = at_once(list(calls)) if len(calls) > 1 else [said_of(calls[0])]
        after = self.now = take_picture()
        if all(said):
            assert after.marks == before.marks  # what was refused wrote nothing
        judge_ledger(before, after, at=self.at, lead=self.lead)
        judge_reviews(before, after, self.world, at=self.at)
        self.i05_hashes_tell_contents_apart()
        self.i03_what_is_wanted_is_the_sum_in_any_order()
        return said

    def i05_hashes_tell_contents_apart(self) -> None:
        """A yes to one content is a yes to no other, of whichever request."""
        for asked in self.now.requests.values():
            assert self.contents.setdefault(asked.content_hash, asked.content) == asked.content
        assert len(set(self.contents.values())) == len(self.contents)

    def i03_what_is_wanted_is_the_sum_in_any_order(self) -> None:
        """Of all but what is held for offers, which Azure never hears of."""
        held_only = {i for i, row in self.now.rows.items() if row.kind == "hold"}
        rows = [r for i, r in self.now.rows.items() if not {i, r.taken_from} & held_only]
        wanted = {
            pk: self.now.held(self.at, [row for row in rows if row.deployment_id == pk])
            for pk in {row.deployment_id for row in rows}
        }
        applied = entries_of(LedgerEntry.objects.applied().order_by("-units"))
        assert desired_units(applied, self.at) == wanted
        assert desired_units(reversed(applied), self.at) == wanted
        assert {d.pk: d.wanted for d in managed(at=self.at)} == wanted

    def i16_of(self, request: Asked) -> None:
        """Of what was just sent, or edited."""
        if request.state == "in_review":
            i16_the_stages_follow_from_the_facts(request)

    # Whom and what a step is about

    def found(self, *states: str, **fields: object) -> list[int]:
        return [
            request.id
            for request in self.now.requests.values()
            if request.state in states
            and all(getattr(request, name) == value for name, value in fields.items())
        ]

    def chosen(self, n: int, *states: str, **fields: object) -> CapacityRequest | None:
        found = self.found(*states, **fields)
        return self.fresh(found[n % len(found)]) if found else None

    def fresh(self, pk: int) -> CapacityRequest:
        """As a page reads it."""
        return with_people(CapacityRequest.objects.all()).get(pk=pk)  # type: ignore[no-any-return]

    def asker(self, request: CapacityRequest) -> User:
        return User.objects.get(pk=request.requester_id)

    def decider(self, n: int, request: CapacityRequest) -> User:
        """Mostly somebody who is asked at the open stage; else anybody."""
        asked, stage = self.now.requests[request.pk], request.open_stage
        named = approvers(self.world, stage.as_json(), asked) if stage else set()
        people = [person for person in self.world.people.values()
                  if n % 4 == 0 or not named or person.pk in named]  # fmt: skip
        return people[n // 4 % len(people)]

    def approval(self, request: CapacityRequest, by: User, part: Terms | None = None) -> Call:
        at = self.at
        return lambda: decisions.approve(request, by=by, note="", at=at, part=part)

    def everybody_says_yes(self, pk: int) -> None:
        """One after the other, until it is granted or somebody is refused."""
        for turn in range(4):
            request = self.fresh(pk)
            if request.state != "in_review":
                return
            if self.step(self.approval(request, self.decider(1 + 4 * turn, request)))[0]:
                return

    def moment(self, minutes_ahead: int) -> datetime:
        return self.at + minutes_ahead * MINUTE
