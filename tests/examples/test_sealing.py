"""Interoperability of the encryption between all languages."""

from collections.abc import Iterator
from itertools import combinations

import pytest

from tests.examples.built import EXAMPLES
from tests.examples.sealers import App, InPython, Sealer, in_kotlin, in_typescript
from tests.support.tools import require

SEALERS = ["app", "python", "typescript", "kotlin"]
# Longer than a chunk of a message.
TEXT = '{"workout": "squats", "mood": "😀"}'.encode() * 5

# The first build downloads the dependencies of npm and Maven.
pytestmark = [pytest.mark.extended, pytest.mark.timeout(600)]


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
def test_implementations_decrypt_each_others_output(
    one: str, other: str, request: pytest.FixtureRequest
) -> None:
    ada: Sealer = request.getfixturevalue(one)
    bob: Sealer = request.getfixturevalue(other)
    for author, reader in ((ada, bob), (bob, ada)):
        assert reader.unseal(*author.seal(TEXT), author.aes, author.public) == TEXT
        assert reader.decrypt(author.public, *author.encrypt(TEXT, reader.public)) == TEXT
