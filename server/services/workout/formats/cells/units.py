"""Units of weights and distances, in the spellings of other apps."""

from decimal import Decimal

_KG = ("kg", "kgs", "kilo", "kilos", "kilogram", "kilograms", "kilogramme", "kilogrammes", "кг")
_LB = ("lb", "lbs", "pound", "pounds", "livres", "libras", "pfund", "фунт", "фунты")

# Units of the model by spelling, and the factor of those that it does not have, which is exact.
WEIGHTS: dict[str, tuple[str, Decimal]] = {
    **dict.fromkeys(_KG, ("kg", Decimal(1))),
    **dict.fromkeys(_LB, ("lb", Decimal(1))),
    **dict.fromkeys(("公斤", "千克"), ("kg", Decimal(1))),
    **dict.fromkeys(("磅",), ("lb", Decimal(1))),
}
DISTANCES: dict[str, tuple[str, Decimal]] = {
    **dict.fromkeys(("m", "meter", "meters", "metre", "metres"), ("m", Decimal(1))),
    **dict.fromkeys(("km", "kms", "kilometer", "kilometers"), ("km", Decimal(1))),
    **dict.fromkeys(("kilometre", "kilometres", "км"), ("km", Decimal(1))),
    **dict.fromkeys(("mi", "mile", "miles", "meile", "meilen"), ("mi", Decimal(1))),
    **dict.fromkeys(("yd", "yds", "yard", "yards"), ("yd", Decimal(1))),
    **dict.fromkeys(("ft", "foot", "feet"), ("m", Decimal("0.3048"))),
    **dict.fromkeys(("in", "inch", "inches"), ("m", Decimal("0.0254"))),
    **dict.fromkeys(("cm", "centimeter", "centimeters"), ("m", Decimal("0.01"))),
    **dict.fromkeys(("centimetre", "centimetres"), ("m", Decimal("0.01"))),
}
SECONDS: dict[str, int] = {
    **dict.fromkeys(("", "s", "sec", "secs", "second", "seconds"), 1),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3600),
}


def spelling(text: str) -> str:
    """Return a unit as the tables spell it."""
    return text.strip().strip(".()").casefold()
