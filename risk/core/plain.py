"""Numbers as people read them. Pure."""

from decimal import Decimal


def text(value: Decimal) -> str:
    """A Decimal in plain digits without idle zeros: 10, 0.5, 0."""
    plain = format(value, "f")
    if "." in plain:
        plain = plain.rstrip("0").rstrip(".")
    return "0" if plain == "-0" else plain
