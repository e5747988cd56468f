"""What one seals, another opens, whatever language it is written in."""

from collections.abc import Iterator
from itertools import combinations

import pytest

from tests.examples.built import EXAMPLES
from tests.examples.sealers import App, InPython, Sealer, in_kotlin, in_typescript
from tests.support.tools import require

SEALERS = ["app", "python", "typescript", "kotlin"]
# Longer than a piece of a letter.
TEXT = '{"workout": "squats", "mood": "😀"}'.encode() * 5

# Building for the first time fetches what the lock file, or Maven's, names.
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="session")
def app() -> Sealer:
    return App()


@pytest.fixture(scope="session")
def python() -> Sealer:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(EXAMPLES / "python")
        import sealing

        return InPython(sealing)


@pytest.fixture(scope="session")
def typescript(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sealer]:
    require("node", "npm")
    with in_typescript(tmp_path_factory.mktemp("sealing")) as sealer:
        yield sealer


@pytest.fixture(scope="session")
def kotlin() -> Iterator[Sealer]:
    require("mvn", "javac")
    with in_kotlin() as sealer:
        yield sealer


@pytest.mark.parametrize(("one", "other"), [*combinations(SEALERS, 2)])
def test_each_opens_what_the_other_sealed(
    one: str, other: str, request: pytest.FixtureRequest
) -> None:
    ada: Sealer = request.getfixturevalue(one)
    bob: Sealer = request.getfixturevalue(other)
    for author, reader in ((ada, bob), (bob, ada)):
        assert reader.unseal(*author.seal(TEXT), author.aes, author.public) == TEXT
        assert reader.read(author.public, *author.write(TEXT, reader.public)) == TEXT
