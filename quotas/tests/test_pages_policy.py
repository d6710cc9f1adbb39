"""The pages of the policy, as people press them, and its API."""

import copy
import json
from html.parser import HTMLParser
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.test import Client

from portal.models import Role, User
from quotas.domain.policy import DEFAULT
from quotas.models import PolicyVersion, Service
from quotas.services import decisions, policy, policy_drafts
from quotas.tests import factories
from quotas.tests.conftest import HTMX, Browse, ask, words_of
from quotas.tests.factories import NOON

DRAFT, POLICY = "/policy/draft/", "/policy/"


@pytest.fixture
def eve(db: None) -> User:
    return factories.person("Eve", Role.ADMIN)


def fields_of(client: Client) -> dict[str, Any]:
    """Every field of the page of the draft, as a browser would send it."""
    parser = Fields()
    parser.feed(client.get(DRAFT).content.decode().split('class="policy-form')[1])
    return parser.found


KEPT = ("rules", "longest", "low_risk", "seen")


class Fields(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, Any] = {}
        self.select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = {key: value or "" for key, value in attrs}
        if tag == "select":
            self.select = has["name"]
        elif tag == "option" and "selected" in has:
            self.found[self.select] = has["value"]
        elif tag == "input" and has.get("type") == "checkbox":
            if "checked" in has:
                self.found.setdefault(has["name"], []).append(has["value"])
        elif tag == "input" and has.get("name", "").startswith(KEPT):
            self.found[has["name"]] = has.get("value", "")


def save(client: Client, do: str = "save", **more: str) -> Any:
    sent = {**fields_of(client), "note": "Because.", "do": do}
    return client.post(DRAFT, {**sent, **{k.replace("__", "."): v for k, v in more.items()}})


def test_the_policy_in_force_is_told_in_sentences(browse: Browse, cleo: User) -> None:
    page = words_of(browse(cleo).get(POLICY))
    assert "Version 1 is in force" in page
    assert "Bursts and extensions are approved at once where all of this holds:" in page
    assert "Share of baseline: at most 50 %" in page
    assert "Last burst: at least 40 %, or no burst before this one to compare with" in page
    assert "Platform owners: one of the owners of the pool, within 7 days" in page
    assert "Finance: one of finance, within 3 days; only where cost: above 5,000 USD" in page


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.FINANCE])
def test_others_read_it_and_do_not_write(browse: Browse, cleo: User, role: str) -> None:
    reader = browse(factories.person("Rita", role))
    assert "Change the policy" not in words_of(reader.get(POLICY))
    assert reader.post("/policy/begin/").status_code == 422
    policy_drafts.begin(by=cleo, at=NOON)
    page = reader.get(DRAFT)
    assert b"policy-form" not in page.content
    assert "Platform owners and administrators edit" in words_of(page)


ADDRESSES = [POLICY, DRAFT, "/policy/draft/replay/", "/policy/versions/1/", "/api/v1/policy/",
             "/api/v1/policy/versions/", "/api/v1/policy/draft/"]  # fmt: skip


@pytest.mark.parametrize("address", ADDRESSES)
def test_i19_a_person_of_a_team_sees_nothing_of_it(
    browse: Browse, dan: User, cleo: User, address: str
) -> None:
    policy_drafts.begin(by=cleo, at=NOON)
    assert browse(dan).get(address).status_code == 404


def test_the_page_of_a_draft_says_back_what_it_was_given(browse: Browse, cleo: User) -> None:
    client = browse(cleo)
    client.post("/policy/begin/")
    save(client)
    assert policy_drafts.open_draft().policy == DEFAULT  # type: ignore[union-attr]


def test_from_a_draft_to_a_version_on_the_pages(
    browse: Browse, chat: Service, ada: User, cleo: User, eve: User
) -> None:
    asked = ask(chat, ada, units=60)
    client = browse(cleo)
    assert client.post("/policy/begin/").url == DRAFT
    answer = save(client, rules__2__when__0__value="60 %")
    assert answer.url == DRAFT
    page = words_of(client.get(DRAFT))
    assert "1 difference from the policy in force" in page
    assert "before: Share of baseline: at most 50 %" in page
    assert "now: Share of baseline: at most 60 %" in page
    assert "another platform owner or administrator publishes it" in page
    fragment = client.get("/policy/draft/replay/", headers=HTMX)
    assert "<html" not in fragment.content.decode()
    later = factories.utc("2026-03-02 12:10")
    replayed = _at(client, later, "/policy/draft/replay/")
    assert "Would have auto-approved 1 of 1, 0 collisions." in replayed
    assert f"#{asked.pk}, Chat assistant" in replayed
    assert "at once" in replayed

    second = browse(eve)
    assert "in force at once, for what is asked from then on" in words_of(second.get(DRAFT))
    answer = second.post("/policy/draft/publish/", {"seen": _seen()})
    assert answer.url == POLICY
    page = words_of(second.get(POLICY))
    assert "Version 2 is in force" in page
    assert "Because." in page
    version = words_of(second.get("/policy/versions/2/"))
    assert "now: Share of baseline: at most 60 %" in version
    assert "Written by Cleo, published by Eve." in version
    assert second.get("/policy/versions/9/").status_code == 404


def _at(client: Client, at: Any, address: str) -> str:
    with time_machine.travel(at, tick=False):
        return words_of(client.get(address))


def _seen() -> str:
    return policy_drafts.open_draft().edited_at.isoformat()  # type: ignore[union-attr]


def test_who_wrote_it_is_refused_with_a_sentence(browse: Browse, cleo: User) -> None:
    client = browse(cleo)
    client.post("/policy/begin/")
    save(client, longest_hours="100")
    answer = client.post("/policy/draft/publish/", {"seen": _seen()})
    assert answer.status_code == 422
    assert "You wrote in this draft" in words_of(answer)


def test_a_wrong_value_stays_in_its_field_with_a_sentence(browse: Browse, cleo: User) -> None:
    client = browse(cleo)
    client.post("/policy/begin/")
    save(client, rules__2__when__1__value="long")
    answer = client.get(DRAFT)
    page = answer.content.decode()
    assert 'value="long"' in page
    assert 'href="#rules-2-when-1-value"' in page
    assert 'id="rules-2-when-1-value"' in page
    assert "“long” is not a number of hours" in words_of(answer)
    assert "1 thing to put right" in words_of(answer)
    assert client.get("/policy/draft/replay/").status_code == 422


def test_parts_are_added_moved_and_removed_by_buttons(browse: Browse, cleo: User) -> None:
    client = browse(cleo)
    client.post("/policy/begin/")
    assert save(client, "add:rules").url.endswith("#rules-3")
    assert save(client, "up:rules.3").url.endswith("#rules-2")
    save(client, "add:rules.2.when")
    save(client, "add:rules.2.stages", rules__2__when__0__fact="tier")
    content = policy_drafts.open_draft().content  # type: ignore[union-attr]
    assert content["rules"][2]["when"] == [{"fact": "tier", "is": "", "value": ""}]
    assert content["rules"][2]["stages"][0]["approvers"] == "pool_owners"
    assert [r["name"] for r in content["rules"]][-1] == "Everything else"
    save(client, "remove:rules.2")
    assert policy_drafts.open_draft().policy == DEFAULT  # type: ignore[union-attr]


@pytest.mark.parametrize("do", ["remove:rules.77", "add:rules.x", "up:rules.0", "remove:", "odd"])
def test_a_button_for_what_is_not_there_does_nothing(browse: Browse, cleo: User, do: str) -> None:
    client = browse(cleo)
    client.post("/policy/begin/")
    assert save(client, do).status_code == 302
    assert policy_drafts.open_draft().policy == DEFAULT  # type: ignore[union-attr]


def test_people_are_named_by_user_name_on_the_page(browse: Browse, cleo: User, dan: User) -> None:
    client = browse(cleo)
    client.post("/policy/begin/")
    save(client, rules__3__stages__0__approvers="people")
    save(client, rules__3__stages__0__people="dan, nobody")
    page = client.get(DRAFT)
    assert 'value="dan, nobody"' in page.content.decode()
    assert "“nobody” is nobody that is known here" in words_of(page)
    save(client, rules__3__stages__0__people="dan")
    draft = policy_drafts.open_draft()
    assert draft.policy.rules[3].stages[0].stage.people == (dan.pk,)  # type: ignore[union-attr]
    assert "now: Platform owners: Dan, within 7 days" in words_of(client.get(DRAFT))


def test_without_a_draft_its_pages_lead_to_where_one_is_begun(browse: Browse, cleo: User) -> None:
    client = browse(cleo)
    for address in (DRAFT, "/policy/draft/replay/"):
        assert client.get(address).url == POLICY
    assert "There is no draft" in words_of(client.get(POLICY))
    answer = client.post("/policy/draft/publish/", {"seen": "2026-03-02T12:00:00+00:00"})
    assert (answer.status_code, "There is no draft" in words_of(answer)) == (422, True)


def test_what_somebody_else_wrote_meanwhile_is_not_overwritten(
    browse: Browse, cleo: User, eve: User
) -> None:
    client = browse(cleo)
    client.post("/policy/begin/")
    mine = {**fields_of(client), "note": "Mine.", "do": "save", "longest_hours": "99"}
    later = factories.utc("2026-03-02 12:05")
    theirs = copy.deepcopy(DEFAULT.as_json()) | {"longest_hours": 50}
    policy_drafts.save(theirs, note="Theirs.", seen=None, by=eve, at=later)
    answer = client.post(DRAFT, mine)
    assert answer.status_code == 422
    assert "was changed by someone else" in words_of(answer)
    assert 'value="99"' in answer.content.decode()
    assert policy_drafts.open_draft().note == "Theirs."  # type: ignore[union-attr]


def test_a_broken_document_from_the_api_still_has_a_page(browse: Browse, cleo: User) -> None:
    policy_drafts.begin(by=cleo, at=NOON)
    for odd in ({}, {"rules": "x"}, {"rules": [1, {"when": 3, "then": "stages", "stages": [2]}]}):
        policy_drafts.save(odd, note="", seen=None, by=cleo, at=NOON)
        assert "to put right" in words_of(browse(cleo).get(DRAFT))


def test_the_api_drafts_replays_and_publishes(
    browse: Browse, chat: Service, ada: User, cleo: User, eve: User
) -> None:
    decisions.deny(ask(chat, ada, units=60), by=cleo, note="No.", at=NOON)
    client, api = browse(cleo), "/api/v1/policy/"
    assert client.get(api).json()["number"] == 1
    assert client.get(api + "draft/").status_code == 404
    begun = client.post(api + "draft/", {}, content_type="application/json")
    assert begun.status_code == 201
    document = begun.json()["policy"]
    document["rules"][2]["when"][0]["value"] = "much"
    body = {"policy": document, "note": "Wider.", "seen": begun.json()["edited_at"]}
    wrong = client.put(api + "draft/", body, content_type="application/json").json()
    assert wrong["problems"][0]["place"] == "rules.2.when.0.value"
    assert client.get(api + "draft/replay/").json()["code"] == "policy_invalid"
    document["rules"][2]["when"][0]["value"] = 0.6
    body["seen"] = wrong["edited_at"]
    right = client.put(api + "draft/", body, content_type="application/json").json()
    assert right["problems"] == []
    assert "Share of baseline: at most 60 %" in right["sentences"][2]["lines"]
    replayed = client.get(api + "draft/replay/").json()
    assert {"requests", "automatic", "collisions", "results"} <= set(replayed)
    seen = {"seen": right["edited_at"]}
    mine = client.post(api + "draft/publish/", seen, content_type="application/json")
    assert (mine.status_code, mine.json()["code"]) == (422, "four_eyes")
    theirs = browse(eve).post(api + "draft/publish/", seen, content_type="application/json")
    assert (theirs.status_code, theirs.json()["number"]) == (201, 2)
    assert [row["number"] for row in client.get(api + "versions/").json()["results"]] == [2, 1]
    assert client.get(api + "versions/1/").json()["policy"] == DEFAULT.as_json()


def test_the_api_discards_only_what_was_seen(browse: Browse, cleo: User) -> None:
    client, address = browse(cleo), "/api/v1/policy/draft/"
    begun = client.post(address, {}, content_type="application/json").json()
    assert client.delete(address).status_code == 400
    assert client.delete(f"{address}?seen=2020-01-01T00:00:00Z").status_code == 409
    seen = begun["edited_at"].replace("+", "%2B")
    assert client.delete(f"{address}?seen={seen}").status_code == 204
    assert policy_drafts.open_draft() is None


def test_the_command_prints_checks_and_loads(cleo: User, tmp_path: Any, capsys: Any) -> None:
    call_command("policy")
    document = json.loads(capsys.readouterr().out)
    assert document == DEFAULT.as_json()
    file = tmp_path / "policy.json"
    document["rules"][3]["stages"][0]["hours"] = "soon"
    file.write_text(json.dumps(document))
    with pytest.raises(CommandError, match="Rule 4 “Everything else”, stage 1, hours: “soon”"):
        call_command("policy", check=str(file))
    document["rules"][3]["stages"][0]["hours"] = 48
    file.write_text(json.dumps(document))
    call_command("policy", load=str(file), by="cleo", note="Quicker.")
    draft = PolicyVersion.objects.get(number=None)
    assert (draft.note, draft.policy.review_hours) == ("Quicker.", 48)
    assert policy.current(at=NOON)[0] == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [(None, "cannot be read"), ("{", "Line 1, column 2 cannot be read"), ("[]", "holds no policy")],
)
def test_the_command_says_what_is_wrong_with_a_file(
    db: None, tmp_path: Any, text: str | None, says: str
) -> None:
    file = tmp_path / "policy.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(CommandError, match=says):
        call_command("policy", check=str(file))
