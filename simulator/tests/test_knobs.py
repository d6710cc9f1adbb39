"""Knobs: one line each, values checked by kind, help for everyone."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import pytest

from simulator.knob_kinds import choice, flag, kind_of, number, table, text, texts, whole
from simulator.knobs import Knobs
from simulator.tests.process import SimulatorProcess


@dataclass
class Kinds(Knobs):
    """One of each kind."""

    share: float = number(0.5, "A share.", most=1)
    pages: int = whole(3, "Pages.", least=1)
    loud: bool = flag(False, "Loud.")
    form: str = choice("one", ("one", "two"), "Form.")
    name: str = text("x", "Name.")
    names: list[str] = texts("Names.")
    sizes: dict[str, Any] = table("name to size", "Sizes.")


@pytest.mark.parametrize(
    ("name", "good", "wrong", "sentence"),
    [
        ("share", 1, 1.01, "share is a number from 0 to 1, got 1.01."),
        ("share", 0, True, "share is a number from 0 to 1, got True."),
        ("pages", 1, 0, "pages is a whole number from 1, got 0."),
        ("pages", 9, 1.5, "pages is a whole number from 1, got 1.5."),
        ("loud", True, 1, "loud is true or false, got 1."),
        ("form", "two", "three", "form is one of one, two, got 'three'."),
        ("name", "", None, "name is a text, got None."),
        ("names", ["a"], ["a", 1], "names is a list of texts, got ['a', 1]."),
        ("sizes", {"a": 1}, [], "sizes is an object of name to size, got []."),
    ],
)
def test_each_kind_takes_its_values_and_refuses_others_with_a_sentence(
    name: str, good: Any, wrong: Any, sentence: str
):
    knobs = Kinds()
    knobs.update({name: good})
    assert getattr(knobs, name) == good
    with pytest.raises(ValueError, match=name) as caught:
        knobs.update({"metrics_latency_minutes": 9, name: wrong})
    assert str(caught.value) == sentence
    assert knobs.metrics_latency_minutes == 3, "one wrong value and none is turned"


def test_what_is_stored_comes_back_without_what_no_longer_fits():
    stored = {**Knobs(token_seconds=5).as_json(), "gone": 1, "gzip": "sometimes"}
    assert Knobs.from_json(stored) == Knobs(token_seconds=5)


def test_two_sets_of_knobs_share_nothing():
    one, two = Kinds(), Kinds()
    one.sizes["a"] = 1
    assert two.sizes == {}


def test_every_knob_is_described_over_the_control_api(simulator: SimulatorProcess):
    simulator.control("POST", "/knobs", {"write_seconds": 3})
    rows = {row["name"]: row for row in simulator.control("GET", "/knobs?describe=true")["value"]}
    assert set(rows) == {each.name for each in fields(Knobs)}
    assert rows["write_seconds"]["value"] == 3
    assert rows["write_seconds"]["default"] == 0
    assert rows["gzip"]["accepts"] == "one of auto, always, never"
    assert all(row["help"].endswith(".") for row in rows.values())


def test_every_default_is_a_value_its_kind_accepts():
    knobs = Knobs()
    for each in fields(Knobs):
        assert kind_of(each).problem(each.name, getattr(knobs, each.name)) is None
