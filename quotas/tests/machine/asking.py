"""Steps of those who ask: requests of every kind, drafts, edits, answers, withdrawals, ends."""

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from portal.kernel.windows import FOREVER, HOUR, MINUTE
from portal.models import User
from quotas.models import CapacityRequest
from quotas.services import drafts, offers, questions
from quotas.services.asking import Draft, draft_of
from quotas.services.edits import edit
from quotas.services.give_back import give_back, revoke
from quotas.services.requests import submit, withdraw
from quotas.tests.machine.base import Call, Steps, hours, minutes, seldom, units, which
from quotas.tests.machine.picture import Picture

names = st.sampled_from(["chat", "bot", "search"])
large = st.sampled_from([300, 60, 280, 350, 420])
CHANGES = ("less", "shorter", "later", "more", "longer", "words")


class Asking(Steps):
    def draft(self, name: str, **more: Any) -> Draft:
        facts = {"units": 1, "occasion": "launch", "purpose": "The launch.", "starts_at": self.at,
                 "ends_at": None}  # fmt: skip
        deployment = self.world.deployment(name)
        where = {"service": deployment.service, "deployment": deployment}
        return Draft(**{**where, **facts, **more})  # type: ignore[arg-type]

    def sends(self, asked: Draft, by: User, **more: Any) -> None:
        if not self.step(lambda: submit(asked, by=by, at=self.at, **more))[0]:
            for number, request in self.now.requests.items():
                if self.before.requests.get(number) != request:
                    self.i16_of(request)

    @initialize(
        lead=st.sampled_from([0, 15]),
        first=st.lists(st.tuples(names, large, minutes, hours), min_size=2, max_size=4),
    )
    def begins(self, lead: int, first: list[tuple[str, int, int, int]]) -> None:
        """With something to decide on."""
        self.begin(lead * MINUTE)
        for n, facts in enumerate(first):
            self.asks_for_a_burst(*facts, n=n, for_whom=9)

    @rule(name=names, units=units, ahead=minutes, length=hours, n=which, for_whom=which)
    def asks_for_a_burst(
        self, name: str, units: int, ahead: int, length: int, n: int, for_whom: int
    ) -> None:
        """Sometimes on behalf of somebody, who may be an approver."""
        askers, start = self.world.askers_of(name), self.moment(ahead)
        behalf = {0: "ben", 1: "cleo"}.get(for_whom)
        asked = self.draft(
            name, units=units, starts_at=start, ends_at=start + length * HOUR,
            on_behalf_of=self.world.people[behalf] if behalf else None,
        )  # fmt: skip
        self.sends(asked, askers[n % len(askers)])

    @rule(
        name=names,
        units=st.integers(-60, 60).filter(bool),
        ahead=minutes,
        length=st.none() | hours,
        moves=st.booleans(),
    )
    def asks_for_another_baseline_or_moves_some(
        self, name: str, units: int, ahead: int, length: int | None, moves: bool
    ) -> None:
        by, start = self.world.askers_of(name)[0], self.moment(ahead)
        if not moves or name == "search":
            return self.sends(self.draft(name, kind="baseline", units=units, starts_at=start), by)
        to = self.world.deployment("bot" if name == "chat" else "chat")
        end = start + length * HOUR if length else None
        asked = self.draft(name, kind="transfer", units=abs(units), to_deployment=to,
                           starts_at=start, ends_at=end)  # fmt: skip
        return self.sends(asked, by)

    @precondition(lambda self: self.found("approved", kind="burst"))
    @rule(n=which, length=hours, granted=st.booleans())
    def asks_for_longer(self, n: int, length: int, granted: bool) -> None:
        grant = (self.chosen(n, "approved", kind="extension") if n % 3 == 0 else None) or (
            self.chosen(n, "approved", kind="burst")
        )
        assert grant is not None
        until = grant.window.end + length * HOUR
        asked = replace(draft_of(grant), kind="extension", parent=grant, ends_at=until)
        self.sends(asked, self.asker(grant))
        if granted and (sent := self.chosen(0, "in_review", parent_id=grant.pk)):
            self.everybody_says_yes(sent.pk)

    @seldom
    @rule(name=names, units=units, n=which)
    def keeps_sends_or_deletes_a_draft(self, name: str, units: int, n: int) -> None:
        saved, at = self.chosen(n, "draft"), self.at
        if saved is None or n % 3 == 0:
            by, start = self.world.askers_of(name)[0], self.moment(60)
            asked = self.draft(name, units=units, starts_at=start, ends_at=start + HOUR)
            self.step(lambda: drafts.save_draft(asked, by=by, at=at, saved=saved))
        elif n % 3 == 1:
            self.step(lambda: drafts.delete_draft(saved, by=self.asker(saved), at=at))
        else:
            self.sends(draft_of(saved), self.asker(saved), saved=saved)
        self.is_new = False

    @precondition(lambda self: self.found("in_review", "needs_info"))
    @rule(n=which, change=st.sampled_from(CHANGES))
    def edits(self, n: int, change: str) -> None:
        request = self.chosen(n, "in_review", "needs_info")
        assert request is not None
        self.edits_it(request, change)

    def edits_it(self, request: CapacityRequest, change: str) -> None:
        if request.state not in ("in_review", "needs_info"):
            return
        self.step(self.change_of(request, change))
        self.i15_lowered_keeps_and_raised_voids(request.pk, raised=CHANGES.index(change) > 2)

    def change_of(self, request: CapacityRequest, change: str) -> Call:
        old = draft_of(request)
        end = old.ends_at or self.at + HOUR
        changed: dict[str, dict[str, Any]] = {
            "less": {"units": old.units - old.units // 3},
            "shorter": {"ends_at": end - (end - old.starts_at) / 3},
            "later": {"starts_at": old.starts_at + 20 * MINUTE},
            "more": {"units": old.units + 40},
            "longer": {"ends_at": end + 2 * HOUR},
            "words": {"purpose": f"{old.purpose} And more."},
        }
        asked = replace(old, **changed[change])
        by, at = self.asker(request), self.at
        return lambda: edit(request, asked, by=by, at=at)

    def i15_lowered_keeps_and_raised_voids(self, pk: int, *, raised: bool) -> None:
        """Of the step that was just taken."""
        was, now = self.before.requests[pk], self.now.requests[pk]
        if was.content == now.content:
            return  # refused
        self.i16_of(now)
        said = self.before.standing(was)
        assert all(self.now.said[each.id].voided_at for each in said)
        start, end = now.starts_at, now.ends_at or FOREVER
        stays = {
            (s.decided_by_id, s.delegated_by_id, s.units, s.starts_at, s.ends_at)
            for s in said
            if not raised
            and was.stages[s.stage - 1] in now.stages
            and (s.starts_at or start) < end
            and start < (s.ends_at or end)
        }
        assert stays == {
            (s.decided_by_id, s.delegated_by_id, s.units, s.starts_at, s.ends_at)
            for s in self.now.standing(now)
            if s.decided_by_id
        }

    @precondition(lambda self: self.found("needs_info", "counter_offered"))
    @rule(n=which, yes=st.booleans())
    def answers_what_was_said(self, n: int, yes: bool) -> None:
        request, at = self.chosen(n, "needs_info", "counter_offered"), self.at
        assert request is not None
        by = self.asker(request)
        if request.state == "needs_info":
            self.step(lambda: questions.answer(request, by=by, note="So.", at=at))
        else:
            verb = offers.accept if yes else offers.decline
            self.step(lambda: verb(request, by=by, at=at))

    @precondition(lambda self: self.found("in_review", "needs_info", "counter_offered"))
    @rule(n=which)
    def withdraws(self, n: int) -> None:
        request = self.chosen(n, "in_review", "needs_info", "counter_offered")
        assert request is not None
        self.step(lambda: withdraw(request, by=self.asker(request), at=self.at))

    @precondition(lambda self: self.found("approved"))
    @rule(n=which, units=st.none() | units, by_team=st.booleans())
    def a_grant_is_ended_early(self, n: int, units: int | None, by_team: bool) -> None:
        grant, at = self.chosen(n, "approved"), self.at
        if grant is None or grant.kind == "give_back":
            return
        team, cleo = self.asker(grant), self.world.people["cleo"]
        back: Call = lambda: give_back(grant, by=team, reason="", at=at, units=units)  # noqa: E731
        revoked: Call = lambda: revoke(grant, by=cleo, reason="Elsewhere.", at=at)  # noqa: E731
        if not self.step(back if by_team else revoked)[0] and by_team:
            self.i04_it_gives_back_what_it_says(grant.pk, units)

    def i04_it_gives_back_what_it_says(self, pk: int, units: int | None) -> None:
        """So many units less, from this minute on, of this grant; all others are judged above."""
        was, now = (rows_of(picture, pk) for picture in (self.before, self.now))
        for edge in self.now.edges(self.at.replace(second=0), now):
            held = self.before.held(edge, was)
            assert self.now.held(edge, now) == (0 if units is None else max(0, held - units))


def rows_of(picture: Picture, pk: int) -> list[Any]:
    """What a grant holds, and what was taken from it."""
    mine = [r for r in picture.rows.values() if r.request_id == pk and r.units > 0]
    return [row for entry in mine if entry.kind != "hold" for row in picture.left_of(entry)]
