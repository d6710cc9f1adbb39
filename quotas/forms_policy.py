"""The draft of a policy as people type it: a page of fields, and the document that they make.

A field's name is its place in the document (`rules.2.when.1.value`), so a problem finds its field.
Nothing here judges what is typed; `quotas.domain.policy_reading` does.
"""

import re
from typing import Any

from django.http import QueryDict

from portal.models import User
from quotas.domain.policy_facts import FACTS, FactType
from quotas.domain.policy_rules import LISTED
from quotas.domain.stages import PEOPLE, ROLE

Document = dict[str, Any]
TRUTHS = {"yes": True, "true": True, "no": False, "false": False}
NEW_RULE: Document = {"name": "", "kinds": [], "when": [], "then": "stages", "stages": []}
NEW_CONDITION: Document = {"fact": "", "is": "", "value": ""}
NEW_STAGE: Document = {"name": "", "mode": "any_of", "approvers": "pool_owners", "hours": ""}

NEW = {
    "rules": NEW_RULE,
    "when": NEW_CONDITION,
    "low_risk": NEW_CONDITION,
    "stages": NEW_STAGE,
}


def document_of(data: QueryDict) -> Document:
    """What the page sent, as a document."""
    rules = [_rule(data, f"rules.{n}") for n in _numbers(data, "rules")]
    low_risk = [_condition(data, f"low_risk.{n}") for n in _numbers(data, "low_risk")]
    longest = data.get("longest_hours", "").strip()
    return {"longest_hours": longest, "rules": rules, "low_risk": low_risk}


def _numbers(data: QueryDict, path: str) -> list[int]:
    """Those that stand after the path in any field's name, in order."""
    found = (re.match(rf"{re.escape(path)}\.(\d{{1,3}})\.", name) for name in data)
    return sorted({int(match[1]) for match in found if match})


def _rule(data: QueryDict, path: str) -> Document:
    then = data.get(f"{path}.then", "")
    rule: Document = {
        "name": data.get(f"{path}.name", "").strip(),
        "kinds": data.getlist(f"{path}.kinds"),
        "when": [_condition(data, f"{path}.when.{n}") for n in _numbers(data, f"{path}.when")],
        "then": then,
    }
    if then == "stages":
        numbers = _numbers(data, f"{path}.stages")
        rule["stages"] = [_stage(data, f"{path}.stages.{n}") for n in numbers]
    if then == "deny":
        rule["reason"] = data.get(f"{path}.reason", "").strip()
    return rule


def _condition(data: QueryDict, path: str) -> Document:
    fact, operator = data.get(f"{path}.fact", ""), data.get(f"{path}.is", "")
    condition: Document = {
        "fact": fact,
        "is": operator,
        "value": _value(data.get(f"{path}.value", "").strip(), fact, operator),
    }
    for flag in ("or_unknown", "or_absent"):
        if data.get(f"{path}.{flag}"):
            condition[flag] = True
    return condition


def _value(text: str, fact: str, operator: str) -> Any:
    """A list where the operator takes one, yes or no as such; else the text as it was typed."""
    if operator in LISTED:
        return [part.strip() for part in text.split(",") if part.strip()]
    if fact in FACTS and FACTS[fact].type == FactType.TRUTH:
        return TRUTHS.get(text.lower(), text)
    return text


def _stage(data: QueryDict, path: str) -> Document:
    approvers = data.get(f"{path}.approvers", "")
    stage: Document = {
        "name": data.get(f"{path}.name", "").strip(),
        "mode": data.get(f"{path}.mode", ""),
        "approvers": approvers,
        "hours": data.get(f"{path}.hours", "").strip(),
    }
    if approvers == ROLE:
        stage["role"] = data.get(f"{path}.role", "")
    if approvers == PEOPLE:
        stage["people"] = _people(data.get(f"{path}.people", ""))
    if data.get(f"{path}.condition.fact"):
        stage["condition"] = _condition(data, f"{path}.condition")
    return stage


def _people(text: str) -> list[Any]:
    """Numbers for user names; a name that nobody has stays as it is, and is a problem then."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    known = dict(User.objects.filter(username__in=names).values_list("username", "pk"))
    return [known.get(name, name) for name in names]


def carry_out(document: Document, action: str) -> str:
    """`add`, `remove`, `up` or `down` and a path, such as `remove:rules.2.when.0`: changes the
    document and answers the place to look at next. What is not there is left alone.
    """
    verb, _, path = action.partition(":")
    if verb == "add":
        return _add(document, path)
    parent, _, last = path.rpartition(".")
    rows = _at(document, parent)
    place = int(last) if last.isdecimal() else -1
    if not isinstance(rows, list) or not 0 <= place < len(rows):
        return path
    if verb == "remove":
        del rows[place]
        return parent.rpartition(".")[0]
    other = place + {"up": -1, "down": 1}.get(verb, 0)
    if 0 <= other < len(rows):
        rows[place], rows[other] = rows[other], rows[place]
        return f"{parent}.{other}"
    return path


def _add(document: Document, path: str) -> str:
    rows = _at(document, path)
    new = NEW.get(path.rpartition(".")[2])
    if not isinstance(rows, list) or new is None:
        return path
    # The last rule stays the last: it answers what no other does.
    place = max(0, len(rows) - 1) if path == "rules" else len(rows)
    rows.insert(place, {**new, "kinds": []} if path == "rules" else dict(new))
    return f"{path}.{place}"


def _at(document: Document, path: str) -> Any:
    found: Any = document
    for step in path.split("."):
        if isinstance(found, list) and step.isdecimal() and int(step) < len(found):
            found = found[int(step)]
        elif isinstance(found, dict) and step in found:
            found = found[step]
        else:
            return None
    return found
