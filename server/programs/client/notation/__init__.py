r"""The notation of exercises and sets, as lifters type it.

    Bench Press: warmup 60kg x10, 100kg x5 x5 x4 @9, 90kg x8 (easy)
    Squat: 5x5 100kg
    Plank: 3x60s
    Run: 5km 25:00

Sets are separated by commas. Repetitions that follow one another share the weight before them.
Two rules keep a typed line from being stored as something else:

- `3x10` without a weight can mean 3 sets or 3 kg, so it must be written `bw 3x10` or `3kg x10`.
- After a set with a weight, each set states its weight, or `bw` (body weight) if it has none.

In names and notes, a backslash takes the special meaning from the next character; `\n` is a new
line.

    tokens.py    words, numbers and notes, with their places in the text
    parser.py    text to exercises
    group.py     the sets between two commas
    builder.py   the fields of sets, and their limits
    writer.py    exercises to text, which the parser reads back unchanged
    escapes.py   backslashes
    errors.py    an error that points at a place in the text
"""
