"""The entry point of the command line, and its help."""

import errno
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
import typer
from typer.core import TyperGroup

from server.errors import StartError
from server.programs.cli import app as module
from server.programs.cli.app import app, main


def commands() -> Iterator[tuple[str, ...]]:
    """Yield the words of every command and group."""

    def of_group(group: TyperGroup, *words: str) -> Iterator[tuple[str, ...]]:
        for name, command in group.commands.items():
            yield (*words, name)
            if isinstance(command, TyperGroup):
                yield from of_group(command, *words, name)

    root = typer.main.get_command(app)
    assert isinstance(root, TyperGroup)
    yield from of_group(root)


def raises(error: Exception) -> Callable[[], None]:
    def command() -> None:
        raise error

    return command


class TestMain:
    @pytest.mark.parametrize(
        ("error", "sentence"),
        [
            (StartError("Port 8080 is in use: choose another."), "Port 8080 is in use: "),
            (OSError(errno.ENOSPC, "x", "/a/b"), "There is no room left on the disk for /a/b: "),
            (OSError(errno.EDQUOT, "x"), "There is no room left on the disk: free some space."),
        ],
        ids=["StartError", "full disk", "quota"],
    )
    def test_prints_sentence_and_exits_with_1(
        self,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        error: Exception,
        sentence: str,
    ) -> None:
        monkeypatch.setattr(module, "app", raises(error))
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 1
        printed = capsys.readouterr()
        assert printed.out == ""
        assert printed.err.startswith(sentence)
        assert printed.err.count("\n") == 1

    def test_raises_other_errors(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "app", raises(OSError(errno.EACCES, "x")))
        with pytest.raises(PermissionError):
            main()


class TestHelp:
    @pytest.mark.parametrize("words", list(commands()), ids=" ".join)
    def test_exists_for_every_command(
        self,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        words: tuple[str, ...],
    ) -> None:
        monkeypatch.setattr(sys, "argv", ["gymlocker", *words, "--help"])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 0
        assert f"Usage: gymlocker {' '.join(words)} " in capsys.readouterr().out

    def test_imports_no_program_but_the_command_line(self) -> None:
        code = (
            "import sys, server.programs.cli.app\n"
            "print([name for name in sys.modules if name.split('.')[0] == 'grpc'"
            " or name.startswith('server.programs.') and '.cli' not in name])"
        )
        ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert (ended.returncode, ended.stdout) == (0, "[]\n"), ended.stderr
