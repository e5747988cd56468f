"""Estimate of how hard a secret is to guess.

A secret of many characters may hold little that is random: repeats, runs of the alphabet, rows of a
keyboard, words. It is read from left to right, each step by the cheapest way to describe it: a
character of its own, or a copy of what came before or stands in the reference text (see
`_REFERENCE`). Random characters can only be described one by one.
"""

import math
import string
from collections import Counter

# Copies shorter than this cost more than their characters.
MIN_COPY = 3
_SEQUENCES = (
    string.ascii_lowercase,
    string.digits + "abcdef",
    "1234567890qwertyuiopasdfghjklzxcvbnm",
    "1q2w3e4r5t6y7u8i9o0p",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik",
)
_REFERENCE = "\n".join([*_SEQUENCES, *(each[::-1] for each in _SEQUENCES)])
_CLASSES = (string.digits, string.ascii_lowercase, string.ascii_uppercase, string.punctuation + " ")


def estimated_bits(secret: str, words: str = "") -> float:
    """Return about how many bits somebody has to guess who also knows `words`, one a line."""
    text = secret.lower()
    each = _bits_of_a_character(secret)
    bits, at = 0.0, 0
    while at < len(text):
        step, cost = 1, each
        for reference in (_REFERENCE, words):
            length = _longest_copy(text, at, reference)
            # Where it begins, and how long it is.
            copying = math.log2(len(reference) + at + 1) + math.log2(length + 1)
            if length >= MIN_COPY and copying / length < cost / step:
                step, cost = length, copying
        bits += cost
        at += step
    return bits


def _longest_copy(text: str, at: int, reference: str) -> int:
    """Return for how many characters from `at` on the text repeats itself or `reference`."""
    end = at
    # A repeat may run into itself.
    while end < len(text) and (
        text[at : end + 1] in reference or text.find(text[at : end + 1], 0, end) >= 0
    ):
        end += 1
    return end - at


def _bits_of_a_character(secret: str) -> float:
    """Return the entropy of one character, no more than its kinds of characters can have."""
    counts, total = Counter(secret), len(secret)
    shannon = -sum(count / total * math.log2(count / total) for count in counts.values())
    # A short text shows fewer different characters than there are to choose from (Miller, Madow).
    unseen = (len(counts) - 1) / (2 * total * math.log(2))
    return min(shannon + unseen, math.log2(_alphabet_size(secret)))


def _alphabet_size(secret: str) -> int:
    characters = set(secret)
    if characters <= set(string.hexdigits):
        return 16
    known = [kind for kind in _CLASSES if characters & set(kind)]
    others = characters - set("".join(_CLASSES))
    return max(2, sum(map(len, known)) + len(others))
