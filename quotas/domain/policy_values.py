"""How the values of facts are written in a clause: `72 h`, `50 %`, `1,200 USD`."""

from decimal import Decimal

from quotas.domain.policy_facts import Fact, FactType, Value


def written(fact: Fact, value: Value | tuple[Value, ...], currency: str) -> str:
    """A measured value, as a clause says it."""
    if isinstance(value, tuple):
        return " or ".join(written(fact, part, currency) for part in value)
    match fact.type:
        case FactType.SHARE:
            return percent(Decimal(value))
        case FactType.HOURS:
            return _length(Decimal(value))
        case FactType.MONEY:
            return f"{_rounded(Decimal(value))} {currency}"
        case FactType.UNITS:
            return "1 unit" if value == 1 else f"{value:,} units"
        case _:
            return str(value).replace("_", " ")


def written_limit(fact: Fact, value: Value | tuple[Value, ...], currency: str) -> str:
    """The same of a limit in a rule: exact, for it was typed."""
    if isinstance(value, tuple):
        return " or ".join(written_limit(fact, part, currency) for part in value)
    match fact.type:
        case FactType.SHARE:
            return f"{_exact(Decimal(value) * 100)} %"
        case FactType.HOURS:
            return f"{_exact(Decimal(value))} h"
        case FactType.MONEY:
            return f"{_exact(Decimal(value))} {currency}"
        case _:
            return written(fact, value, currency)


def percent(share: Decimal) -> str:
    return f"{share * 100:.0f} %"


def _length(hours: Decimal) -> str:
    return f"{hours:.1f} h" if hours >= 1 else f"{hours * 60:.0f} min"


def _rounded(amount: Decimal) -> str:
    """Whole, but for what is just below nought."""
    text = f"{amount:,.0f}"
    return f"{amount:.2f}" if text == "-0" else text


def _exact(number: Decimal) -> str:
    """Without trailing noughts, with thousands separators."""
    text = f"{number:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
