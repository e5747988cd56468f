"""Build of the web app in client.ts: code generation, type check and bundling."""

import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from google.protobuf.compiler.plugin_pb2 import CodeGeneratorRequest, CodeGeneratorResponse
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from server.libraries.common.paths import DESCRIPTOR_SET

HERE = Path(__file__).parent
PAGE = """<!doctype html><html lang="en"><title>A web app</title>
<link rel="icon" href="data:,"><script src="app.js"></script></html>"""
# Included in the library.
WELL_KNOWN = "google/protobuf/"


def built(modules: Path, folder: Path) -> Path:
    """Build the app in `folder` with the tools in `modules`, and return the folder to serve."""
    (folder / "node_modules").symlink_to(modules)
    for name in ("client.ts", "package.json", "tsconfig.json"):
        shutil.copy(HERE / name, folder)
    generate(modules, folder / "gen")
    served = folder / "served"
    served.mkdir()
    (served / "index.html").write_text(PAGE)
    run(folder, "tsc", "--project", "tsconfig.json")
    run(folder, "esbuild", "client.ts", "--bundle", f"--outfile={served / 'app.js'}")
    return served


def generate(modules: Path, target: Path) -> None:
    """Generate the client of the whole contract, as protoc would."""
    files = FileDescriptorSet.FromString(DESCRIPTOR_SET.read_bytes()).file
    request = CodeGeneratorRequest(
        file_to_generate=[file.name for file in files if not file.name.startswith(WELL_KNOWN)],
        parameter="target=ts,import_extension=js",
        proto_file=files,
    )
    plugin = subprocess.run(
        [modules / ".bin" / "protoc-gen-es"],
        input=request.SerializeToString(),
        stdout=subprocess.PIPE,
        check=True,
    )
    response = CodeGeneratorResponse.FromString(plugin.stdout)
    assert not response.error
    for file in response.file:
        path = target / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file.content)


def run(folder: Path, program: str, *arguments: str) -> None:
    """Run one of npm's programs; its output becomes the test's error."""
    command = str(folder / "node_modules" / ".bin" / program)
    done = subprocess.run([command, *arguments], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


class Quiet(SimpleHTTPRequestHandler):
    """A file server without a log."""

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve the files in `folder` at an origin of their own, and yield its URL."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
