"""How numbers look everywhere: pages, messages, exports. Pure; times are in `formatting_times`.

Each function answers a `Shown`: short text, the exact value on hover. `None` is "–" (not known),
never a nought. Signs are real minus signs (U+2212); "61 %" has a narrow no-break space.
"""

from decimal import ROUND_HALF_EVEN, Decimal

from portal.kernel.shown import Shown, not_known

MINUS = "−"
NARROW_SPACE = "\u202f"
SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}
STEPS = ((10**12, "T"), (10**9, "B"), (10**6, "M"), (10**3, "k"))

Number = int | float | Decimal


def count(number: Number | None) -> Shown:
    """Thousands separators, all digits: `1,240`."""
    if number is None:
        return not_known()
    return Shown(_signed(f"{abs(number):,}", number), value=str(number))


def compact(number: Number | None, unit: str = "", long_unit: str = "") -> Shown:
    """Three significant digits with k, M, B, T: 120000 is `120k`, 3_412_000 is `3.41M`."""
    if number is None:
        return not_known()
    text = _signed(_compact_digits(abs(Decimal(str(number)))), number)
    exact = f"{_signed(f'{abs(number):,}', number)} {long_unit or unit}".strip()
    return Shown(f"{text} {unit}".strip(), exact=exact, value=str(number))


def tokens(number: Number | None) -> Shown:
    return compact(number, long_unit="tokens")


def tpm(tokens_per_minute: Number | None) -> Shown:
    return compact(tokens_per_minute, "TPM", "tokens per minute")


def rpm(requests_per_minute: Number | None) -> Shown:
    return compact(requests_per_minute, "RPM", "requests per minute")


def units(number: int | None, word: str = "unit") -> Shown:
    """`1 unit`, `30 units`; `word` may be PTU, which has a plain s as well."""
    if number is None:
        return not_known()
    plural = word if abs(number) == 1 else f"{word}s"
    return Shown(_signed(f"{abs(number):,} {plural}", number), value=str(number))


def noun_for(plural: str, number: int) -> str:
    """The noun that goes with a number: `noun_for("entries", 1)` is "entry". Regular nouns only;
    `static/js/tables.js` says the same.
    """
    if number != 1:
        return plural
    return f"{plural[:-3]}y" if plural.endswith("ies") else plural.removesuffix("s")


def percent(fraction: Number | None) -> Shown:
    """A fraction as whole per cent. Not quite 0 or 1 is never shown as such: `<1 %`, `>99 %`."""
    if fraction is None:
        return not_known()
    exact = Decimal(str(fraction)) * 100
    whole = exact.quantize(Decimal(1), rounding=ROUND_HALF_EVEN)
    if 0 < exact < 1 and whole == 0:
        text = "<1"
    elif whole == 100 and exact < 100:
        text = ">99"
    else:
        text = _signed(f"{abs(whole):,}", whole)
    hover = f"{exact.quantize(Decimal('0.01')).normalize():f}{NARROW_SPACE}%"
    return Shown(f"{text}{NARROW_SPACE}%", exact=hover, value=str(fraction))


def missing(complete: Number | None) -> Shown:
    """What a fraction that has arrived lacks: `3.4 % of the minutes missing`.

    One digit after the point below 10 %; not quite nothing or all is never shown as such.
    """
    if complete is None:
        return not_known()
    lacking = 1 - Decimal(str(complete))
    exact = lacking * 100
    size = exact.quantize(Decimal("0.1") if exact < 10 else Decimal(1), rounding=ROUND_HALF_EVEN)
    text = f"{_plain(size)}"
    if exact > 0 and size == 0:
        text = "<0.1"
    elif exact < 100 and size == 100:
        text = ">99"
    hover = f"{percent(complete)} have arrived"
    words = f"{text}{NARROW_SPACE}% of the minutes missing"
    return Shown(words, exact=hover, value=_plain(lacking))


def money(amount: Number | None, currency: str = "USD") -> Shown:
    """From 100 up whole (`$1,240`), below it cents (`$4.12`), below a cent `<$0.01`."""
    if amount is None:
        return not_known()
    value = Decimal(str(amount))
    size = abs(value)
    if 0 < size < Decimal("0.005"):
        text = f"<{symbol(currency)}0.01"
    else:
        digits = _rounded(size, "1" if size >= 100 or size == 0 else "0.01")
        text = f"{symbol(currency)}{digits}"
    return Shown(_signed(text, value), exact=_exact_money(value, currency), value=_plain(value))


def money_cents(amount: Number | None, currency: str = "USD") -> Shown:
    """Always with cents, for columns and statements that must be seen to add up: `$1,240.10`."""
    if amount is None:
        return not_known()
    value = Decimal(str(amount))
    text = f"{symbol(currency)}{_rounded(abs(value), '0.01')}"
    return Shown(_signed(text, value), exact=_exact_money(value, currency), value=_plain(value))


def change(now: Number | None, before: Number | None) -> Shown:
    """Against an earlier value: sign, arrow and word, never colour alone: `▲ +12 % more`.

    "new" where there was nothing before; "–" where either is not known.
    """
    if now is None or before is None:
        return not_known()
    difference = Decimal(str(now)) - Decimal(str(before))
    if difference == 0:
        return Shown("no change", value="0")
    if Decimal(str(before)) == 0:
        return Shown("new", exact="nothing before", value=_plain(difference))
    share = difference / abs(Decimal(str(before)))
    text = percent(abs(share))
    exact = f"from {_signed(f'{abs(before):,}', before)} to {_signed(f'{abs(now):,}', now)}"
    return Shown(_with_arrow(str(text), difference), exact=exact, value=_plain(share))


def money_change(difference: Number | None, currency: str = "USD") -> Shown:
    """`▲ +$120 more`, `▼ −$4.12 less`."""
    if difference is None:
        return not_known()
    value = Decimal(str(difference))
    shown = money(abs(value), currency)
    if value == 0:
        return Shown("no change", value="0")
    exact = _exact_money(value, currency)
    return Shown(_with_arrow(str(shown), value), exact=exact, value=_plain(value))


def symbol(currency: str) -> str:
    """`$` for USD; a currency without a sign of its own keeps its code: `CHF 4.12`."""
    return SYMBOLS.get(currency, f"{currency} ")


def _with_arrow(text: str, difference: Decimal) -> str:
    return f"▲ +{text} more" if difference > 0 else f"▼ {MINUS}{text} less"


def _signed(text: str, number: Number) -> str:
    return f"{MINUS}{text}" if number < 0 else text


def _rounded(size: Decimal, step: str) -> str:
    return f"{size.quantize(Decimal(step), rounding=ROUND_HALF_EVEN):,}"


def _plain(value: Decimal) -> str:
    """No exponent, no trailing noughts: for machines and hover."""
    return f"{value.normalize():f}" if value else "0"


def _exact_money(value: Decimal, currency: str) -> str:
    whole, _, cents = _plain(abs(value)).partition(".")
    digits = f"{int(whole):,}.{cents.ljust(2, '0')}"
    return _signed(f"{symbol(currency)}{digits} {currency}", value)


def _compact_digits(size: Decimal) -> str:
    for step, letter in STEPS:
        if _three_digits(size / step) >= 1:
            return f"{_three_digits(size / step).normalize():f}{letter}"
    return f"{_three_digits(size).normalize():f}" if size else "0"


def _three_digits(size: Decimal) -> Decimal:
    """To three significant digits, at most two of them after the point."""
    places = max(0, min(2, 2 - size.adjusted())) if size else 0
    return size.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_EVEN)
