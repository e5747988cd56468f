"""Generator of server/services/credentials/common_passwords.txt, the list of rejected passwords.

    uv run --with zxcvbn python scripts/common_passwords.py

The file contains those of the 30,000 most common passwords in zxcvbn (MIT; from leaked lists) that
are long enough to be chosen, most common first. Gymlocker itself does not depend on zxcvbn, which
contains much more and takes seconds to check a long password.
"""

from importlib.metadata import distribution
from pathlib import Path

from server.services.credentials.password_policy import MIN_LENGTH

TARGET = Path(__file__).parent.parent / "server/services/credentials/common_passwords.txt"


def main() -> None:
    """Write the licence, an empty line and the passwords."""
    from zxcvbn.frequency_lists import FREQUENCY_LISTS

    [licence] = [file for file in distribution("zxcvbn").files or () if "LICENSE" in file.name]
    notice = [f"# {line}".rstrip() for line in licence.read_text().strip().splitlines()]
    words = [word for word in FREQUENCY_LISTS["passwords"] if len(word) >= MIN_LENGTH]
    TARGET.write_text("\n".join([*notice, "", *words]) + "\n")


if __name__ == "__main__":
    main()
