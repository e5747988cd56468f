"""Writes server/services/credentials/common_passwords.txt, the passwords that nobody may choose.

    uv run --with zxcvbn python scripts/common_passwords.py

Of the 30,000 commonest passwords that zxcvbn ships (MIT; from lists of real ones that leaked),
those long enough to be chosen, the commonest first. Nobody needs zxcvbn to run Gymlocker: it holds
far more, and takes seconds to judge a long password.
"""

from importlib.metadata import distribution
from pathlib import Path

from server.services.credentials.password_policy import MIN_LENGTH

TARGET = Path(__file__).parent.parent / "server/services/credentials/common_passwords.txt"


def main() -> None:
    """Write the file: the licence, an empty line, the passwords."""
    from zxcvbn.frequency_lists import FREQUENCY_LISTS

    [licence] = [file for file in distribution("zxcvbn").files or () if "LICENSE" in file.name]
    notice = [f"# {line}".rstrip() for line in licence.read_text().strip().splitlines()]
    words = [word for word in FREQUENCY_LISTS["passwords"] if len(word) >= MIN_LENGTH]
    TARGET.write_text("\n".join([*notice, "", *words]) + "\n")


if __name__ == "__main__":
    main()
