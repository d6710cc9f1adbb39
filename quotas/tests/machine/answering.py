"""Steps of those who decide, alone and many at once, and of what moves around them."""

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from portal.kernel.windows import DAY, FOREVER, HOUR, MINUTE, Window
from quotas.domain.terms import Terms
from quotas.gateway import QuotaSeen
from quotas.models import CapacityRequest, Delegation
from quotas.services import (
    decisions,
    delegations,
    limits,
    offers,
    questions,
    reminders,
    reserves,
    timeouts,
)
from quotas.services.give_back import give_back
from quotas.services.requests import submit
from quotas.tests.factories import SUBSCRIPTION
from quotas.tests.machine.asking import CHANGES, Asking
from quotas.tests.machine.base import Call, hours, minutes, seldom, units, which
from quotas.tests.machine.judge_reviews import i08_nothing_waits_for_ever
from quotas.tests.machine.world import publish

# Those who ask let approvers decide for them, too: then they may not on what those asked for.
lenders = st.sampled_from(["ada", "olga", "cleo", "dan", "fay"])
borrowers = st.sampled_from(["cleo", "olga", "gus", "fay", "nils"])
waits = precondition(lambda self: self.found("in_review"))


class Deciding(Asking):
    @waits
    @rule(n=which, who=which)
    def approves(self, n: int, who: int) -> None:
        request = self.chosen(n, "in_review")
        assert request is not None
        self.step(self.approval(request, self.decider(who, request)))

    @waits
    @rule(n=which, who=which, units=units, later=minutes, earlier=minutes)
    def approves_a_part(self, n: int, who: int, units: int, later: int, earlier: int) -> None:
        """Now and then one that is none: wider, or more."""
        request = self.chosen(n, "in_review")
        assert request is not None
        start, end = request.starts_at + later * MINUTE, request.ends_at
        end = end - (earlier - 10) * MINUTE if end else FOREVER
        if start < end:
            part = Terms(units, Window(start, end))
            self.step(self.approval(request, self.decider(who, request), part))

    @waits
    @rule(n=which, who=which, how=st.sampled_from(["deny", "ask", "largest"]))
    def answers_otherwise(self, n: int, who: int, how: str) -> None:
        request, at = self.chosen(n, "in_review"), self.at
        assert request is not None
        by = self.decider(who, request)
        calls: dict[str, Call] = {
            "deny": lambda: decisions.deny(request, by=by, note="No.", at=at),
            "ask": lambda: questions.ask(request, by=by, note="Why?", at=at),
            "largest": lambda: decisions.approve_largest_safe(request, by=by, note="", at=at),
        }
        self.step(calls[how])

    @precondition(lambda self: self.of_several())
    @rule(n=which, change=st.sampled_from(CHANGES))
    def is_edited_after_the_first_yes(self, n: int, change: str) -> None:
        numbers = self.of_several()
        request = self.fresh(numbers[n % len(numbers)])
        self.step(self.approval(request, self.decider(1, request)))
        self.edits_it(self.fresh(request.pk), change)

    def of_several(self) -> list[int]:
        """Of more than one stage, nobody of whom has said yes."""
        return [pk for pk in self.found("in_review", stage=1)
                if len(self.now.requests[pk].stages) > 1]  # fmt: skip

    @waits
    @rule(
        n=which,
        who=which,
        units=units,
        later=minutes,
        length=hours,
        held=st.booleans(),
        lapses=st.booleans(),
    )
    def offers_something_else(
        self, n: int, who: int, units: int, later: int, length: int, held: bool, lapses: bool
    ) -> None:
        request = self.chosen(n, "in_review", kind="burst") or self.chosen(n, "in_review")
        assert request is not None
        start = max(request.starts_at, self.at) + later * MINUTE
        end = FOREVER if request.ends_at is None else start + length * HOUR
        terms, by, at = Terms(units, Window(start, end)), self.decider(who, request), self.at
        made = self.step(
            lambda: offers.counter_offer(request, terms, by=by, note="", at=at, held=held)
        )
        if lapses and not made[0]:
            self.lapses(request.pk)

    def lapses(self, pk: int) -> None:
        """Nobody answers for three days: then nothing is held for it any more."""
        self.passes(3 * HOUR)  # Azure hears of none of it meanwhile
        self.passes(3 * DAY)
        assert self.now.requests[pk].state == "timed_out"
        held = [row for row in self.now.rows.values() if row.request_id == pk]
        assert all(self.now.held(edge, held) == 0 for edge in self.now.edges(self.at, held))

    @seldom
    @rule(n=which, by=lenders, to=borrowers, length=hours, everywhere=st.booleans())
    def lets_somebody_decide_or_no_longer(
        self, n: int, by: str, to: str, length: int, everywhere: bool
    ) -> None:
        people, at = self.world.people, self.at
        given = list(Delegation.objects.in_force_at(at).order_by("pk"))
        if given and n % 3 == 0:
            one = given[n % len(given)]
            self.step(lambda: delegations.end_delegation(one, by=one.from_person, at=at))
            self.is_new = False
            return
        window, pool = Window(at, at + length * HOUR), None if everywhere else self.world.pool
        self.step(lambda: delegations.delegate(people[to], window, by=people[by], at=at, pool=pool))
        if request := self.chosen(n, "in_review", requester_id=people[by].pk):
            self.step(self.approval(request, people[to]))

    @seldom
    @rule(
        what=st.sampled_from(["limit", "reserve", "policy"]),
        limit=st.integers(300, 1300),
        small=st.sampled_from([0, 20, 120]),
    )
    def something_else_moves(self, what: str, limit: int, small: int) -> None:
        if what == "policy":
            publish(small, at=self.at)
        elif what == "reserve":
            self.step(self.reserve(limit // 4))
        else:
            seen, rows = self.usage_of(limit, outside=small), self.now.rows
            self.step(lambda: limits.note_limit(self.world.pool, seen, at=self.at))
            assert self.now.rows == rows
            assert self.now.room == limit - small - self.world.pool.reserve_units
        self.is_new = False

    def usage_of(self, limit: int, *, outside: int) -> QuotaSeen:
        return QuotaSeen(SUBSCRIPTION, "eastus", "", "", "x", limit, 350 + outside)

    def reserve(self, kept: int) -> Call:
        pool, cleo, at = self.world.pool, self.world.people["cleo"], self.at
        return lambda: reserves.set_reserve(pool, units=kept, reason="Care.", by=cleo, at=at)

    @seldom
    @rule(minutes=st.sampled_from([1, 14, 16, 60, 300, 1500, 5000]), seconds=st.integers(0, 59))
    def time_passes(self, minutes: int, seconds: int) -> None:
        self.passes(minutes * MINUTE + timedelta(seconds=seconds))

    def passes(self, time: timedelta) -> None:
        """The tasks that look at the clock run, as they do every minute."""
        self.at += time
        tasks = (timeouts.time_out_overdue, timeouts.tell_late, reminders.remind_waiting)
        self.step(lambda: [task(at=self.at) for task in tasks])
        i08_nothing_waits_for_ever(self.now, at=self.at)
        self.is_new = False

    @waits
    @rule(n=which, who=which, units=units, kept=st.integers(0, 300))
    def many_things_happen_at_once(self, n: int, who: int, units: int, kept: int) -> None:
        """Each on a connection of its own: yeses, sending, an edit, an offer taken, ends, a
        reserve; and the task that ends what is overdue.
        """
        numbers = self.found("in_review")[-4:]
        waiting = [self.fresh(pk) for pk in numbers]
        taken = [self.fresh(pk) for pk in self.found("counter_offered")[:1]]
        granted = [self.fresh(pk) for pk in self.found("approved", kind="burst")[-1:]]
        asked = self.draft("chat", units=units, ends_at=self.at + 9 * HOUR, starts_now=True)
        ada, at = self.world.people["ada"], self.at
        calls: list[Call] = [lambda: timeouts.time_out_overdue(at=at)]
        calls += [self.approval(each, self.decider(who + 1, each)) for each in waiting]
        again = self.fresh(numbers[0])  # two who look at the same page
        calls.append(self.approval(again, self.decider(who + 5, again)))
        calls += [self.taking(each) for each in taken] + [self.ending(each) for each in granted]
        if n % 2:
            calls.append(self.change_of(self.fresh(numbers[0]), "more" if n % 3 else "less"))
        calls.append(self.reserve(kept) if n % 5 else lambda: submit(asked, by=ada, at=at))
        self.step(*calls)

    def taking(self, request: CapacityRequest) -> Call:
        by, at = self.asker(request), self.at
        return lambda: offers.accept(request, by=by, at=at)

    def ending(self, request: CapacityRequest) -> Call:
        by, at = self.asker(request), self.at
        return lambda: give_back(request, by=by, reason="", at=at)
