"""A policy that somebody sends: read and checked, or refused as API Management refuses."""

from __future__ import annotations

from simulator.policy_rules import check
from simulator.policy_text import RAW, XML, Node, PolicyError, parse
from simulator.web import ArmError


def checked_policy(text: object, form: object) -> Node:
    """The policy of a request. Raises ArmError 400 in Azure's form when it is wrong."""
    if form not in (XML, RAW):
        raise validation_error(f"The simulator takes {XML} and {RAW}, not {form!r}.", "format")
    if not isinstance(text, str) or not text.strip():
        raise validation_error("Value cannot be null or empty.", "value")
    try:
        root = parse(text, form)
        check(root)
    except PolicyError as problem:
        raise validation_error(str(problem)) from None
    return root


def validation_error(message: str, target: str = "representation") -> ArmError:
    """Azure's refusal: what is wrong is in the details only."""
    detail = {"code": "ValidationError", "target": target, "message": message}
    return ArmError(
        400,
        "ValidationError",
        "One or more fields contain incorrect values:",
        more={"details": [detail]},
    )
