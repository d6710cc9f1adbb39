"""Importing people: what changes, who may, all or nothing, by service, page, API and command."""

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.urls import reverse

from portal.kernel.errors import DomainError
from portal.models import AuditRow, Role, RoleGrant, User
from quotas.models import Membership, Team
from quotas.services.people_import import ImportPlan, import_people, plan_import
from quotas.tests.conftest import Browse, words_of
from quotas.tests.factories import AUDITOR, NOON, person, team

ADMIN = Role.ADMIN
FILE = """username;email;name;team;role;active
ada;;Ada Verhoeven;;;
ben;;;Atlas;lead;
dan;;;;;no
mia@acme.example;mia@acme.example;Mia Lindqvist;atlas;;yes
"""


def imported(text: str, by: User | None) -> ImportPlan:
    return import_people(text.encode(), by=by, at=NOON)


def refused(text: str, by: User | None) -> list[str]:
    return [str(problem) for problem in plan_import(text.encode(), by=by, at=NOON).problems]


def state() -> object:
    """Everything that an import may touch."""
    people = User.objects.order_by("pk").values_list(
        "username", "email", "first_name", "last_name", "is_active", "password"
    )
    members = Membership.objects.order_by("pk").values_list("team", "user", "role")
    grants = RoleGrant.objects.order_by("pk").values_list("user", "role")
    return list(people), list(members), list(grants), AuditRow.objects.count()


@pytest.fixture
def cast(atlas: Team, delta: Team, cleo: User) -> Team:
    """Ada leads Atlas, Ben is in it, Dan leads Delta; Cleo owns the platform."""
    return atlas


def test_people_are_added_changed_and_deactivated_and_one_row_of_audit_says_so(
    cast: Team, cleo: User
) -> None:
    found = imported(FILE, cleo)
    assert [change.username for change in found.added] == ["mia@acme.example"]
    assert [change.username for change in found.changed] == ["ada", "ben"]
    assert [change.username for change in found.deactivated] == ["dan"]
    mia = User.objects.get(username="mia@acme.example")
    assert (mia.first_name, mia.last_name, mia.email) == ("Mia", "Lindqvist", "mia@acme.example")
    assert not mia.has_usable_password()
    assert (mia.counted_from, mia.last_seen_at) == (NOON, None)
    assert User.objects.get(username="ada").get_full_name() == "Ada Verhoeven"
    assert not User.objects.get(username="dan").is_active
    roles = {(row.user.username, row.role) for row in cast.memberships.select_related("user")}
    assert roles == {("ada", "lead"), ("ben", "lead"), ("mia@acme.example", "member")}
    (row,) = AuditRow.objects.filter(verb="people.imported")
    assert (row.actor_id, row.detail["lines"]) == (cleo.pk, 4)
    assert row.detail["added"] == [mia.pk]
    assert row.detail["deactivated"] == [User.objects.get(username="dan").pk]


def test_the_same_file_twice_changes_nothing(cast: Team, cleo: User) -> None:
    imported(FILE, cleo)
    before = state()
    assert imported(FILE, cleo).changes == ()
    assert imported(FILE.replace("ada;", "ADA;"), cleo).changes == ()
    assert state() == before


def test_a_dry_run_says_the_same_and_writes_nothing(cast: Team, cleo: User) -> None:
    before = state()
    found = plan_import(FILE.encode(), by=cleo, at=NOON)
    assert state() == before
    assert {change.username: change.says for change in found.changes} == {
        "ada": ["name: Ada Verhoeven"],
        "ben": ["lead of Atlas"],
        "dan": ["may no longer sign in"],
        "mia@acme.example": [
            "added",
            "name: Mia Lindqvist",
            "e-mail: mia@acme.example",
            "member of Atlas",
        ],
    }


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("nils,,,,,", "Line 3: nobody is called “nils”; to add them, give a name."),
        ("ben,,,Nowhere,,", "Line 3: no team is called “Nowhere”."),
        ("ben,,,,,perhaps", "Line 3: active is yes or no"),
    ],
)
def test_one_wrong_line_and_nothing_at_all_is_written(
    cast: Team, cleo: User, line: str, sentence: str
) -> None:
    before = state()
    found = imported(f"username,email,name,team,role,active\nada,,Eva,,,\n{line}\n", cleo)
    assert sentence in str(found.problems[0])
    assert (found.changes, state()) == ((), before)


def test_who_leaves_a_team_keeps_the_others(cast: Team, cleo: User, ben: User) -> None:
    team("Delta", member=ben)
    imported("username,team,role\nben,atlas,none\n", cleo)
    assert [row.team.name for row in ben.memberships.all()] == ["Delta"]
    assert imported("username,team,role\nben,atlas,none\n", cleo).changes == ()


def test_nobody_leaves_because_a_line_is_missing(cast: Team, cleo: User) -> None:
    imported("username,name\nada,Ada\n", cleo)
    assert User.objects.filter(is_active=True).count() == User.objects.count()
    assert cast.memberships.count() == 2


def test_a_member_stays_a_lead_where_the_file_says_no_role(cast: Team, cleo: User) -> None:
    assert imported("username,team\nada,Atlas\n", cleo).changes == ()


def test_who_may_sign_in_again_begins_anew(cast: Team, cleo: User, dan: User) -> None:
    User.objects.filter(pk=dan.pk).update(is_active=False, last_seen_at=NOON.replace(year=2024))
    imported("username,active\ndan,yes\n", cleo)
    dan.refresh_from_db()
    assert not dan.is_gone(NOON)


# ── Who may ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("roles", [(), ("finance",), ("auditor",)])
def test_nobody_else_imports_people(cast: Team, roles: tuple[str, ...]) -> None:
    before = state()
    with pytest.raises(DomainError, match="Only platform owners and administrators"):
        imported(FILE, person("Ada", *roles))
    assert state()[:2] == before[:2]  # type: ignore[index]


@pytest.mark.parametrize("role", sorted(Role.values))
def test_no_file_gives_a_role_for_the_whole_organisation(cast: Team, role: str) -> None:
    (problem,) = refused(f"username,team,role\nben,Atlas,{role}\n", None)
    assert "Roles for the whole organisation are not given by a file" in problem


@pytest.mark.parametrize("change", ["active\nfay,no", "active\nolga,yes", "email\nfay,x@acme.ex"])
def test_only_administrators_change_the_access_of_people_with_such_a_role(
    cast: Team, cleo: User, change: str
) -> None:
    person("Fay", Role.FINANCE)
    person("Olga", Role.PLATFORM_OWNER)
    User.objects.filter(username="olga").update(is_active=False)
    text = f"username,{change}\n"
    (problem,) = refused(text, cleo)
    assert "so only an administrator changes their" in problem
    assert len(imported(text, person("Alan", ADMIN)).changes) == 1


def test_the_operator_of_the_machine_may(cast: Team) -> None:
    person("Fay", Role.FINANCE)
    assert len(imported("username,active\nfay,no\n", None).deactivated) == 1
    assert AuditRow.objects.get(verb="people.imported").actor_id is None


@pytest.mark.parametrize(
    "text",
    ["username,active\nalan,no\n", "username,team\nalan,Atlas\n", "username,email\nalan,a@b.ex\n"],
)
def test_nobody_changes_their_own_access_or_team(cast: Team, text: str) -> None:
    (problem,) = refused(text, person("Alan", ADMIN))
    assert "it changes your own" in problem
    assert not refused("username,name\nalan,Alan Turing\n", person("Alan", ADMIN))


# ── The page ─────────────────────────────────────────────────────────────────────────────────

PAGE = "/people/import/"


def upload(text: str) -> dict[str, Any]:
    return {"file": SimpleUploadedFile("people.csv", text.encode(), "text/csv")}


def test_the_page_shows_what_would_change_and_imports_it_in_a_second_step(
    browse: Browse, cast: Team, cleo: User
) -> None:
    client, before = browse(cleo), User.objects.count()
    shown = client.post(PAGE, upload(FILE))
    assert "1 would be added, 2 changed, 1 deactivated" in words_of(shown)
    assert "lead of Atlas" in words_of(shown)
    assert User.objects.count() == before
    done = client.post(PAGE, {"text": FILE, "import": "1"}, follow=True)
    assert "People: 1 added, 2 changed, 1 deactivated." in words_of(done)
    assert User.objects.count() == before + 1
    again = client.post(PAGE, {"text": FILE, "import": "1"}, follow=True)
    assert "nothing changed" in words_of(again)


def test_the_page_says_what_is_wrong_and_escapes_it(browse: Browse, cast: Team, cleo: User) -> None:
    answer = browse(cleo).post(PAGE, upload("username,team\nada,<script>alert(1)</script>\n"))
    assert answer.status_code == 422
    assert b"<script>alert" not in answer.content
    assert "Line 2: no team is called “<script>alert" in words_of(answer)


def test_without_a_file_the_page_asks_for_one(browse: Browse, cast: Team, cleo: User) -> None:
    answer = browse(cleo).post(PAGE, {})
    assert (answer.status_code, "Choose a file." in words_of(answer)) == (422, True)


def test_a_file_that_is_too_large_is_told_and_not_read(
    browse: Browse, cast: Team, cleo: User
) -> None:
    answer = browse(cleo).post(PAGE, upload("username\n" + "x" * 1024 * 1024))
    assert "the file has more than 1 MB" in words_of(answer)


def test_the_people_page_tells_who_is_there_and_what_they_answer_for(
    browse: Browse, chat: object, pool: Any, cleo: User, ada: User, dan: User
) -> None:
    pool.owners.add(ada)
    User.objects.exclude(pk=dan.pk).update(last_seen_at=NOON)
    User.objects.filter(pk=dan.pk).update(last_seen_at=NOON.replace(year=2025))
    client = browse(cleo)
    shown = words_of(client.get(reverse("people")))
    assert "1 of them is gone." in shown
    assert "Owner: Chat assistant" in shown
    assert "Approves: gpt-4o · Global Standard" in shown
    assert "Atlas (lead)" in shown
    only = words_of(client.get(reverse("people"), {"show": "gone"}))
    assert "Dan" in only
    assert "Chat assistant" not in only


def test_the_people_page_asks_as_many_queries_for_any_number(
    browse: Browse, cast: Team, cleo: User, django_assert_max_num_queries: Any
) -> None:
    client = browse(cleo)
    for number in range(20):
        team("Atlas", member=person(f"P{number}"))
    with django_assert_max_num_queries(11):
        client.get(reverse("people"))


@pytest.mark.parametrize(
    ("roles", "page", "load"),
    [((), 404, 404), (("finance",), 404, 404), ((AUDITOR,), 200, 422), ((ADMIN,), 200, 200)],
)
def test_who_sees_people_and_who_imports_them(
    browse: Browse, cast: Team, roles: tuple[str, ...], page: int, load: int
) -> None:
    client = browse(person("Alan", *roles))
    assert client.get(reverse("people")).status_code == page
    assert client.get(PAGE).status_code == load
    before = state()
    code = client.post(PAGE, {"text": FILE, "import": "1"}).status_code
    assert code == (302 if load == 200 else load)
    if load != 200:
        assert state() == before


# ── API and command ──────────────────────────────────────────────────────────────────────────

API = "/api/v1/people-imports/"


def test_the_api_tells_and_imports(browse: Browse, cast: Team, cleo: User) -> None:
    client, before = browse(cleo), state()
    dry = client.post(f"{API}?dry_run=1", FILE, content_type="text/csv").json()
    assert (dry["dry_run"], dry["lines"], len(dry["added"])) == (True, 4, 1)
    assert dry["deactivated"] == [
        {"line": 4, "username": "dan", "changes": ["may no longer sign in"]}
    ]
    assert state() == before
    done = client.post(API, FILE, content_type="text/csv").json()
    assert {**done, "dry_run": True} == dry
    wrong = client.post(API, "username\nnobody\n", content_type="text/csv")
    assert wrong.status_code == 400
    assert wrong.json()["errors"]["lines"][0].startswith("Line 2: nobody is called")


def test_by_the_api_nobody_else_imports(browse: Browse, cast: Team, dan: User) -> None:
    before = state()
    assert browse(dan).post(API, FILE, content_type="text/csv").status_code == 404
    auditor = browse(person("Audrey", AUDITOR))
    assert auditor.post(API, FILE, content_type="text/csv").status_code == 422
    assert User.objects.get(username="dan").is_active
    assert state()[1] == before[1]  # type: ignore[index]


def test_the_command_says_each_change_and_a_dry_run_writes_none(cast: Team, tmp_path: Path) -> None:
    file, said = tmp_path / "people.csv", StringIO()
    file.write_text(f"\ufeff{FILE}", encoding="utf-8")
    call_command("import_people", file, "--dry-run", stdout=said)
    assert "line 3: ben: lead of Atlas" in said.getvalue()
    assert "Would be: 1 added, 2 changed, 1 deactivated." in said.getvalue()
    assert not User.objects.filter(first_name="Mia").exists()
    call_command("import_people", file, stdout=said)
    assert "Done: 1 added, 2 changed, 1 deactivated." in said.getvalue()
    assert User.objects.filter(first_name="Mia").exists()


def test_the_command_refuses_with_sentences(cast: Team, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("import_people", file)
    file.write_text("username\nnobody\n", encoding="utf-8")
    with pytest.raises(CommandError, match=r"Nothing was imported\.\n  Line 2: nobody is called"):
        call_command("import_people", file)
