"""What finds room elsewhere when a region is lost."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from portal.kernel.units import ONE_BY_ONE, UnitStep
from quotas.domain.drill import Home, Loss, carry

POOLS = (1, 2, 3)
homes = st.builds(
    Home,
    key=st.integers(1, 9),
    pool=st.sampled_from(POOLS),
    units=st.integers(1, 200),
    step=st.sampled_from([ONE_BY_ONE, UnitStep(5, 5), UnitStep(50, 50)]),
)
losses = st.lists(st.builds(Loss, st.integers(1, 4), st.lists(homes, max_size=3).map(tuple)))
free = st.dictionaries(st.sampled_from(POOLS), st.integers(-50, 400))


def home(pool: int = 1, units: int = 100, step: UnitStep = ONE_BY_ONE) -> Home:
    return Home(pool, pool, units, step)


def moved(outcome):
    return [(move.home.pool, move.units) for move in outcome.moves]


@given(losses, free)
def test_moves_never_take_more_than_is_free(losses, free):
    taken = dict.fromkeys(POOLS, 0)
    for outcome in carry(losses, free):
        for move in outcome.moves:
            assert move.units > 0
            assert move.home.step.at_most(move.units) == move.units
            taken[move.home.pool] += move.units
    for pool, units in taken.items():
        assert units <= max(0, free.get(pool, 0))


@given(losses, free)
def test_what_is_missing_is_what_no_move_gives(losses, free):
    for loss, outcome in zip(losses, carry(losses, free), strict=True):
        given_there = sum(Fraction(move.units, move.home.units) for move in outcome.moves)
        assert outcome.missing == max(Fraction(0), 1 - given_there)
        assert {move.home for move in outcome.moves} <= set(loss.homes)


@given(losses)
def test_with_room_for_everybody_whoever_has_a_home_misses_nothing(losses):
    for loss, outcome in zip(losses, carry(losses, dict.fromkeys(POOLS, 10**9)), strict=True):
        assert outcome.missing == (0 if loss.homes else 1)
        assert len(outcome.moves) == min(1, len(loss.homes))


def test_the_critical_one_chooses_first_wherever_it_stands():
    useful, critical = carry([Loss(3, (home(),)), Loss(1, (home(),))], {1: 120})
    assert (moved(critical), critical.missing) == ([(1, 100)], 0)
    assert (moved(useful), useful.missing) == ([(1, 20)], Fraction(4, 5))


def test_it_fills_the_home_with_most_room_and_takes_the_rest_elsewhere():
    [found] = carry([Loss(1, (home(1), home(2, units=50)))], {1: 60, 2: 45})
    assert (moved(found), found.missing) == ([(1, 60), (2, 20)], 0)


def test_only_whole_steps_are_moved_and_none_below_one():
    fifties = UnitStep(50, 50)
    [found] = carry([Loss(1, (home(units=120, step=fifties),))], {1: 140})
    assert (moved(found), found.missing) == ([(1, 100)], Fraction(1, 6))
    assert carry([Loss(1, (home(step=fifties),))], {1: 49})[0].moves == ()
