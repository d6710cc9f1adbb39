"""A policy's document as YAML or JSON text: out for a repository or an editor, and in again.

YAML is read by `yaml.SafeLoader` with two things refused that it would let pass: aliases, with
which a short text becomes an endless one, and a key that stands twice, of which it would drop one.
What is read is no more than a document; `policy_reading` says whether it is a policy.
"""

from typing import Any

import yaml

from portal.kernel.errors import DomainError
from quotas.domain.policy_rules import Policy

MOST_TEXT = 100_000  # characters
WIDTH = 100


class _Careful(yaml.SafeLoader):
    """Plain mappings, lists and values, each written out where it stands."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(problem="aliases are not read", problem_mark=mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str) or key in seen:
                problem = f"the key {key!r} stands twice" if key in seen else "a key is no text"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=key_node.start_mark)
            seen.add(key)
        found: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        return found


def as_yaml(policy: Policy, *, heading: str) -> str:
    """The document, below a line that says what it is. `parsed` reads the same policy back."""
    text: str = yaml.safe_dump(policy.as_json(), sort_keys=False, allow_unicode=True, width=WIDTH)
    return f"# {heading}\n{text}"


def parsed(text: str) -> dict[str, Any]:
    """What a YAML (or JSON) text holds. Raises DomainError with the line of what cannot be read."""
    if len(text) > MOST_TEXT:
        raise DomainError(
            f"The text is longer than {MOST_TEXT:,} characters; a policy is not. Nothing was kept.",
            code="too_large",
        )
    try:
        found = yaml.load(text, Loader=_Careful)  # noqa: S506  a SafeLoader, and stricter
    except yaml.YAMLError as error:
        raise DomainError(f"{_what(error)} Nothing was kept.", code="not_yaml") from None
    except (ValueError, RecursionError):
        raise DomainError(
            "The text holds a value that cannot be read. Nothing was kept.", code="not_yaml"
        ) from None
    if not isinstance(found, dict):
        raise DomainError(
            "The text holds no policy: a mapping with longest_hours and rules. Nothing was kept.",
            code="not_a_policy",
        )
    return found


def _what(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or "it is no YAML"
    where = f"Line {mark.line + 1}, column {mark.column + 1}" if mark else "The text"
    return f"{where} cannot be read: {problem}."
