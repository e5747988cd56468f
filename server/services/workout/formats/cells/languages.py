"""Words of dates in the languages of people's phones, as Unicode's CLDR has them (Babel)."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

# The languages of the apps, and those that a phone adds to the dates of an English app.
LOCALES = (
    *("en", "de", "fr", "es", "pt", "it", "nl", "da", "sv", "nb", "fi", "is", "pl", "cs", "sk"),
    *("hu", "ro", "bg", "hr", "sr", "sr_Latn", "sl", "uk", "ru", "be", "el", "tr", "ar", "he"),
    *("fa", "hi", "th", "vi", "id", "ms", "ja", "ko", "zh", "zh_Hant", "ca", "eu", "gl", "et"),
    *("lv", "lt", "az", "kk", "ka", "fil"),
)

# Three letters name a month in most languages: Jan, Sep.
_SHORTEST = 3
# The most words of one name: "de la madrugada".
MAX_WORDS = 3
_HALVES = {"am": "am", "a m": "am", "pm": "pm", "p m": "pm"}

_TOKEN = re.compile(r"\d+|[^\d\s.,،、/:()\-–;+]+")
_QUOTED = re.compile(r"'([^']*)'")
_AFTER_MONTH = re.compile(r"(?:MMM|LLL)'([^\W\d_]+)'")
_BEFORE_MONTH = re.compile(r"([^\W\dA-Za-z_]+)'?(?=MMM|LLL)")


@dataclass(frozen=True, slots=True, eq=False)
class Language:
    """Words of a language, each as `tokens` joined by spaces.

    `months` have numbers, `periods` the half of the day ("am", "pm") or CLDR's names of parts of
    the day. `others` are words that a date may contain and that are not needed to read it.
    `day_first` is true if the day precedes the month in a date of numbers.
    """

    code: str
    months: Mapping[str, int]
    periods: Mapping[str, frozenset[str]]
    others: frozenset[str]
    day_first: bool

    def knows(self, word: str) -> bool:
        """Check whether a word names a month or a part of the day."""
        return word in self.months or word in self.periods

    @property
    def name(self) -> str:
        """Return the English name."""
        from babel import Locale

        return Locale.parse(self.code).get_display_name("en") or self.code


def normalized(text: str) -> str:
    """Return `text` with ASCII digits and plain spaces, without case and invisible characters."""
    if text.isascii():
        return text.strip().lower()
    plain = "".join(map(_plain, unicodedata.normalize("NFKC", text)))
    return " ".join(plain.casefold().split())


def _plain(character: str) -> str:
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    return "" if unicodedata.category(character) == "Cf" or character in "'’׳" else character


def tokens(text: str) -> list[str]:
    """Return the numbers and words of a normalized text."""
    return _TOKEN.findall(text)


@cache
def languages() -> tuple[Language, ...]:
    """Return the languages of LOCALES."""
    from babel import localedata

    found: list[Language] = []
    for code in LOCALES:
        found.append(language(code))
        if len(found) % 10 == 0:
            # Babel keeps a megabyte of each language.
            localedata.clear_caches()
    localedata.clear_caches()
    return tuple(found)


@cache
def language(code: str) -> Language:
    """Return the words of a locale, such as `de` or `zh_Hant`."""
    from babel import Locale

    locale = Locale.parse(code)
    patterns = [
        str(getattr(pattern, "pattern", pattern))
        for formats in (
            *(locale.date_formats, locale.time_formats),
            *(locale.datetime_formats, locale.datetime_skeletons),
        )
        for pattern in formats.values()
    ]
    periods: dict[str, set[str]] = {word: {half} for word, half in _HALVES.items()}
    for key, name in _names(locale.day_periods, ("wide", "abbreviated", "narrow")):
        if len(name) > 1 or not name.isascii():
            periods.setdefault(_key(name), set()).add(str(key))
    others = {_key(name) for _, name in _names(locale.days)}
    # In the Thai calendar, "A.D." is a part of the date.
    others |= {_key(name) for names in locale.eras.values() for name in names.values()}
    short = str(locale.date_formats["short"].pattern)
    return Language(
        code,
        _months([(int(number), name) for number, name in _names(locale.months)], patterns),
        {word: frozenset(keys) for word, keys in periods.items()},
        frozenset(others | set(_literals(patterns)) | {"t"}),
        day_first=short.index("d") < short.index("M"),
    )


def _key(text: str) -> str:
    return " ".join(tokens(normalized(text)))


def _names(
    contexts: Mapping[str, Mapping[str, Mapping[Any, str]]],
    widths: Iterable[str] = ("wide", "abbreviated"),
) -> Iterator[tuple[Any, str]]:
    """Yield the keys and names of all widths, in sentences and alone."""
    for context in contexts.values():
        for width in widths:
            yield from context.get(width, {}).items()


def _months(names: list[tuple[int, str]], patterns: list[str]) -> dict[str, int]:
    """Return the numbers of months by their names, with what patterns add, and without ends."""
    prefixes = {"", *(prefix for one in patterns for prefix in _BEFORE_MONTH.findall(one))}
    suffixes = {"", *(suffix for one in patterns for suffix in _AFTER_MONTH.findall(one))}
    months = {
        _key(prefix + name + suffix): number
        for number, name in names
        for prefix in prefixes
        for suffix in suffixes
    }
    beginnings: dict[str, set[int]] = {}
    for name, number in months.items():
        for length in range(_SHORTEST, len(name)):
            beginnings.setdefault(name[:length].strip(), set()).add(number)
    unique = {name: min(numbers) for name, numbers in beginnings.items() if len(numbers) == 1}
    # A name that ends in a number begins like others: thg 1, thg 12.
    return {name: number for name, number in unique.items() if " " not in name} | months


def _literals(patterns: list[str]) -> Iterator[str]:
    """Yield the words of patterns that are not fields: d 'de' MMMM, y年M月."""
    for pattern in patterns:
        for quoted in _QUOTED.findall(pattern):
            yield from tokens(normalized(quoted))
        yield from tokens(re.sub(r"[A-Za-z{}]", " ", normalized(_QUOTED.sub(" ", pattern))))
