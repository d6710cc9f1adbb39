"""The policy as YAML: out and in again the same, and what cannot be read is named with its line."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from hypothesis import given

from portal.kernel.errors import DomainError
from portal.models import Role, User
from quotas.domain.policy import DEFAULT
from quotas.domain.policy_reading import read_policy
from quotas.domain.policy_rules import Policy
from quotas.domain.policy_text import as_yaml, parsed
from quotas.models import Pool
from quotas.services import policy, policy_drafts
from quotas.tests import factories, made_policies
from quotas.tests.conftest import Browse, words_of
from quotas.tests.factories import NOON

YAML = as_yaml(DEFAULT, heading="The default.")


def file(text: str) -> SimpleUploadedFile:
    return SimpleUploadedFile("policy.yaml", text.encode())


@given(made_policies.policies())
def test_a_policy_goes_out_as_yaml_and_comes_in_the_same(found: Policy) -> None:
    assert read_policy(parsed(as_yaml(found, heading="Any."))) == found


def test_numbers_that_somebody_types_without_quotes_are_read_as_written() -> None:
    text = YAML.replace("value: '0.50'", "value: 0.1").replace("value: '72'", "value: 100")
    rules = read_policy(parsed(text)).rules
    assert [str(c.value) for c in rules[2].conditions[:2]] == ["0.1", "100"]


def test_json_is_read_as_well() -> None:
    assert parsed('{"longest_hours": 744, "rules": []}') == {"longest_hours": 744, "rules": []}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: [1, 2", "Line 1, column 9 cannot be read"),
        (
            "rules:\n- name: a\n  name: b\n",
            "Line 3, column 3 cannot be read: the key 'name' stands",
        ),
        ("a: &x [1]\nb: *x\n", "Line 2, column 4 cannot be read: aliases are not read"),
        ("- 1\n- 2\n", "holds no policy: a mapping"),
        ("just words", "holds no policy: a mapping"),
        ("", "holds no policy: a mapping"),
        ("a: !!python/object/apply:os.system [ls]", "cannot be read"),
        ("1: 2", "a key is no text"),
        ("a: 2026-13-45", "a value that cannot be read"),
        ("a: \x00", "cannot be read"),
        ("[" * 5_000, "cannot be read"),
        ("x" * 100_001, "longer than 100,000 characters"),
    ],
)
def test_what_cannot_be_read_is_told_in_a_sentence(text: str, says: str) -> None:
    with pytest.raises(DomainError) as refused:
        parsed(text)
    assert says in refused.value.sentence


def test_the_command_prints_yaml_and_loads_it_again(cleo: User, tmp_path: Path) -> None:
    out = StringIO()
    call_command("policy", "--yaml", stdout=out)
    kept = tmp_path / "policy.yaml"
    kept.write_text(out.getvalue().replace("value: '0.50'", "value: 60 %"))
    call_command("policy", load=str(kept), by="cleo", note="More at once.", stdout=StringIO())
    draft = policy_drafts.open_draft()
    assert draft is not None
    assert str(draft.policy.rules[2].conditions[0].value) == "0.6"
    kept.write_text("rules: [")
    with pytest.raises(CommandError, match="policy.yaml: Line 1, column 9 cannot be read"):
        call_command("policy", check=str(kept))


def test_the_file_of_a_version_is_its_policy(browse: Browse, cleo: User) -> None:
    policy.current(at=NOON)
    answer = browse(cleo).get("/policy/versions/1/policy.yaml")
    assert answer["Content-Type"] == "application/yaml; charset=utf-8"
    assert 'filename="headroom-policy-1.yaml"' in answer["Content-Disposition"]
    assert read_policy(parsed(answer.content.decode())) == DEFAULT
    assert browse(cleo).get("/policy/versions/9/policy.yaml").status_code == 404


def test_a_file_begins_a_draft_and_then_takes_its_place(browse: Browse, cleo: User) -> None:
    hers = browse(cleo)
    answer = hers.post("/policy/load/", {"file": file(YAML)})
    assert answer.url == "/policy/draft/"
    draft = policy_drafts.open_draft()
    assert draft is not None
    assert draft.policy == DEFAULT
    changed = file(YAML.replace("longest_hours: 744", "longest_hours: 24"))
    answer = hers.post("/policy/load/", {"file": changed})
    assert (answer.status_code, "There is a draft already" in words_of(answer)) == (422, True)
    changed.seek(0)
    assert draft.edited_at is not None
    sent = {"file": changed, "seen": draft.edited_at.isoformat()}
    assert hers.post("/policy/load/", sent).url == "/policy/draft/"
    again = policy_drafts.open_draft()
    assert again is not None
    assert again.policy.longest_hours == 24


def test_a_file_that_is_wrong_is_kept_and_the_page_says_what(browse: Browse, cleo: User) -> None:
    hers = browse(cleo)
    hers.post("/policy/load/", {"file": file(YAML.replace("value: '72'", "value: soon"))})
    page = words_of(hers.get("/policy/draft/"))
    assert "“soon” is not a number of hours" in page


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        ({}, "Choose a YAML or JSON file first."),
        ({"file": SimpleUploadedFile("p", b"\xff\xfe\x00")}, "is not written in UTF-8"),
        ({"file": SimpleUploadedFile("p", b"x" * 400_001)}, "100,000 characters at most"),
        ({"file": file("rules: [")}, "Line 1, column 9 cannot be read"),
    ],
)
def test_a_file_that_cannot_be_read_changes_nothing(
    browse: Browse, cleo: User, sent: dict[str, object], says: str
) -> None:
    answer = browse(cleo).post("/policy/load/", sent)
    assert (answer.status_code, says in words_of(answer)) == (422, True)
    assert policy_drafts.open_draft() is None


def test_others_load_nothing(browse: Browse, fay: User, dan: User, db: None) -> None:
    assert browse(dan).post("/policy/load/", {"file": file(YAML)}).status_code == 404
    assert browse(fay).post("/policy/load/", {"file": file(YAML)}).status_code == 422
    assert policy_drafts.open_draft() is None


PUBLISHED = ("/policy/", "/policy/versions/1/", "/policy/versions/1/policy.yaml", "/api/v1/policy/",
             "/api/v1/policy/versions/", "/api/v1/policy/versions/1/")  # fmt: skip
OF_THE_DRAFT = ("/policy/draft/", "/policy/draft/replay/", "/api/v1/policy/draft/")


def test_an_owner_of_a_pool_without_a_role_reads_what_is_published_and_no_draft(
    browse: Browse, pool: Pool, cleo: User
) -> None:
    policy.current(at=NOON)
    policy_drafts.begin(by=cleo, at=NOON)
    olga = factories.person("Olga")
    hers = browse(olga)
    assert [hers.get(address).status_code for address in PUBLISHED] == [404] * 6
    pool.owners.add(olga)
    hers = browse(olga)
    assert [hers.get(address).status_code for address in PUBLISHED] == [200] * 6
    assert [hers.get(address).status_code for address in OF_THE_DRAFT] == [404] * 3
    page = words_of(hers.get("/policy/"))
    assert "Low risk" in page
    assert "draft" not in page.lower()
    assert 'href="/policy/"' in hers.get("/").content.decode()


def test_an_auditor_sees_the_draft_and_no_way_to_load_one(browse: Browse, cleo: User) -> None:
    rita = factories.person("Rita", Role.AUDITOR)
    policy_drafts.begin(by=cleo, at=NOON)
    assert b"policy-file" not in browse(rita).get("/policy/draft/").content
