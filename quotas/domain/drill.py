"""If a region were lost: how much of what it carried finds room in other deployments. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from portal.kernel.units import UnitStep


@dataclass(frozen=True)
class Home:
    """Another deployment of the service that serves the same model. `units` give there what the
    lost one holds; they are added in steps, out of the room of `pool`.
    """

    key: int
    pool: int
    units: int
    step: UnitStep


@dataclass(frozen=True)
class Loss:
    """What one service holds of one deployment of the region. A smaller tier is more critical."""

    tier: int
    homes: tuple[Home, ...]


@dataclass(frozen=True)
class Move:
    home: Home
    units: int


@dataclass(frozen=True)
class Outcome:
    """`missing` is the share of what is lost that fits nowhere, from 0 to 1."""

    moves: tuple[Move, ...]
    missing: Fraction


def carry(losses: Sequence[Loss], free: Mapping[int, int]) -> list[Outcome]:
    """In the order of the losses. `free` are the units that each pool has left; together the moves
    never take more. Critical tiers choose first, then whoever stands first; each fills the home
    with most room before the next, so that it moves to as few as it can.
    """
    left = dict(free)
    found: dict[int, Outcome] = {}
    for index in sorted(range(len(losses)), key=lambda each: losses[each].tier):
        found[index] = _carried(losses[index], left)
    return [found[index] for index in range(len(losses))]


def _carried(loss: Loss, left: dict[int, int]) -> Outcome:
    missing, moves = Fraction(1), []
    for home in sorted(loss.homes, key=lambda each: -_room(each, left)):
        units = min(_needed(home, missing), home.step.at_most(_room(home, left)))
        if units > 0:
            moves.append(Move(home, units))
            left[home.pool] -= units
            missing = max(Fraction(0), missing - Fraction(units, home.units))
    return Outcome(tuple(moves), missing)


def _needed(home: Home, missing: Fraction) -> int:
    exact = missing * home.units
    return home.step.at_least(-(-exact.numerator // exact.denominator))


def _room(home: Home, left: Mapping[int, int]) -> int:
    return max(0, left.get(home.pool, 0))
