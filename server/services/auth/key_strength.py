"""Estimate of how hard a secret is to guess.

A long secret may contain little randomness: repeats, runs of the alphabet, keyboard rows, words.
The estimate reads it from left to right and describes each step in the cheapest way: as a single
character, or as a copy of an earlier part or of the reference text (see `_REFERENCE`). Random
characters can only be described one by one.
"""

import math
import string
from collections import Counter

# Shorter copies cost more than their characters.
MIN_COPY_LENGTH = 3
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
    """Return about how many bits an attacker must guess who knows `words`, one a line."""
    text = secret.lower()
    bits_per_character = _bits_per_character(secret)
    bits, at = 0.0, 0
    while at < len(text):
        step, cost = 1, bits_per_character
        for reference in (_REFERENCE, words):
            length = _longest_copy(text, at, reference)
            # The position of the copy, and its length.
            copy_cost = math.log2(len(reference) + at + 1) + math.log2(length + 1)
            if length >= MIN_COPY_LENGTH and copy_cost / length < cost / step:
                step, cost = length, copy_cost
        bits += cost
        at += step
    return bits


def _longest_copy(text: str, at: int, reference: str) -> int:
    """Return how many characters from `at` on repeat earlier text or `reference`."""
    end = at
    # A repeat may overlap itself.
    while end < len(text) and (
        text[at : end + 1] in reference or text.find(text[at : end + 1], 0, end) >= 0
    ):
        end += 1
    return end - at


def _bits_per_character(secret: str) -> float:
    """Return the entropy of one character, at most what its alphabet allows."""
    counts, total = Counter(secret), len(secret)
    shannon = -sum(count / total * math.log2(count / total) for count in counts.values())
    # A short text does not show every character of its alphabet (Miller-Madow correction).
    unseen = (len(counts) - 1) / (2 * total * math.log(2))
    return min(shannon + unseen, math.log2(_alphabet_size(secret)))


def _alphabet_size(secret: str) -> int:
    characters = set(secret)
    if characters <= set(string.hexdigits):
        return 16
    known = [kind for kind in _CLASSES if characters & set(kind)]
    others = characters - set("".join(_CLASSES))
    return max(2, sum(map(len, known)) + len(others))
