"""The latency model: documented, seeded, and worse the fuller a deployment is."""

from __future__ import annotations

import numpy as np
import pytest

from simulator.hashing import Floats
from simulator.latency import FAILURE_MS, Latency, Work, latency_of, slowness
from simulator.served_day import Cell

MINUTES = np.arange(400, dtype=np.int64)


def latency(*, load: float = 0.0, model: str = "gpt-4o", generated: int = 200) -> Latency:
    """Ten requests a minute of 1,000 prompt tokens, half of them cached."""
    work = Work(
        requests=np.full(400, 10),
        prompt=np.full(400, 10_000),
        cached=np.full(400, 5_000),
        generated=np.full(400, 10 * generated),
        load=np.full(400, load),
    )
    return latency_of(work, model=model, key=5, minutes=MINUTES)


def test_an_empty_deployment_answers_as_the_formulas_say():
    empty = latency()
    assert empty.first_token_ms.mean() == pytest.approx(250, rel=0.02)
    assert empty.between_tokens_ms.mean() == pytest.approx(18, rel=0.02)
    whole: Floats = empty.first_token_ms + 200 * empty.between_tokens_ms
    assert empty.last_byte_ms == pytest.approx(whole)
    assert empty.tokens_per_second == pytest.approx(1000 / empty.between_tokens_ms)
    assert empty.normalised_first_token_ms == pytest.approx(empty.first_token_ms / 1000)


def test_it_never_gets_faster_as_load_rises_and_is_four_times_as_slow_when_full():
    assert (np.diff(slowness(np.linspace(0, 1, 101))) > 0).all()
    full, empty = latency(load=1.0), latency()
    assert full.last_byte_ms == pytest.approx(4 * empty.last_byte_ms)


def test_it_is_seeded_and_varies_from_minute_to_minute():
    assert np.array_equal(latency().last_byte_ms, latency().last_byte_ms)
    assert np.unique(latency().last_byte_ms).size > 300


def test_small_models_are_faster():
    assert latency(model="gpt-4.1-nano").last_byte_ms.mean() < latency().last_byte_ms.mean()


def test_without_generated_tokens_there_is_no_time_between_them():
    embedding = latency(generated=0)
    assert np.isnan(embedding.between_tokens_ms).all()
    assert np.isnan(embedding.tokens_per_second).all()
    assert np.array_equal(embedding.last_byte_ms, embedding.first_token_ms)


@pytest.mark.parametrize("status", [400, 429, 500])
def test_failures_answer_in_a_time_of_their_own(status: int):
    assert set(latency(load=1.0).response_ms(Cell(status))) == {FAILURE_MS[status]}


def test_a_streamed_answer_responds_at_its_first_token_and_another_at_its_last():
    one = latency()
    assert one.response_ms(Cell(200, is_streaming=True)) is one.first_token_ms
    assert one.response_ms(Cell(200)) is one.last_byte_ms
