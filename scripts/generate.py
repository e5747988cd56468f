"""Generator of `generated/` from `proto/`; works without network.

    uv run python scripts/generate.py           writes generated/
    uv run python scripts/generate.py --check   writes nothing, fails if a byte would change

The output is Python messages and stubs with their types (`gymlocker.v2` and `buf.validate`);
`gymlocker.binpb`, the descriptor set for transcoding in Envoy and for `buf breaking`; and
`openapi.json`, the description of the REST API (scripts/openapi).
"""

import argparse
import filecmp
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from importlib import import_module
from importlib.resources import files
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from grpc_tools import protoc
from protovalidate._gen.buf.validate import validate_pb

ROOT = Path(__file__).parent.parent
PROTO = ROOT / "proto"
GENERATED = ROOT / "generated"
DESCRIPTOR_SET = "gymlocker.binpb"
OPENAPI = "openapi.json"
# Envoy converts an error to JSON only if it knows the types of all its details.
ERROR_DETAILS = "google/rpc/error_details.proto"


def main() -> None:
    """Regenerate, or check that this would change nothing."""
    parser = argparse.ArgumentParser(description="Regenerate generated/ from proto/.")
    parser.add_argument("--check", action="store_true", help="fail if a byte would change")
    parser.add_argument("--lint-set", type=Path, help="also write a set with comments, for buf")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        fresh = Path(temporary) / "generated"
        fresh.mkdir()
        lint_set = arguments.lint_set or Path(temporary) / "lint.binpb"
        generate(fresh, validate_descriptors(Path(temporary)), lint_set)
        generate_openapi(fresh, lint_set)
        if arguments.check:
            check(fresh)
        else:
            shutil.rmtree(GENERATED, ignore_errors=True)
            shutil.copytree(fresh, GENERATED)
            print(f"wrote {GENERATED}")


def validate_descriptors(folder: Path) -> Path:
    """Write `buf/validate/validate.proto` and its imports as a descriptor set; return its path.

    The protovalidate wheel contains the file as a descriptor only, not as text.
    """
    validate = FileDescriptorProto.FromString(validate_pb.desc().proto.to_binary())
    imports = FileDescriptorSet()
    for name in validate.dependency:
        module = import_module(name.removesuffix(".proto").replace("/", ".") + "_pb2")
        module.DESCRIPTOR.CopyToProto(imports.file.add())
    imports.file.append(validate)
    path = folder / "validate.binpb"
    path.write_bytes(imports.SerializeToString())
    return path


def generate(target: Path, validate_set: Path, lint_set: Path) -> None:
    """Run protoc into `target`, and write a descriptor set with comments."""
    ours = sorted(str(path.relative_to(PROTO)) for path in PROTO.rglob("*.proto"))
    run_protoc(
        validate_set,
        f"--python_out={target}",
        f"--mypy_out=quiet:{target}",
        "buf/validate/validate.proto",
        *ours,
    )
    run_protoc(
        validate_set,
        f"--grpc_python_out={target}",
        f"--mypy_grpc_out=quiet,only_async:{target}",
        *ours,
    )
    run_protoc(
        validate_set,
        f"--descriptor_set_out={target / DESCRIPTOR_SET}",
        "--include_imports",
        *ours,
        ERROR_DETAILS,
    )
    run_protoc(
        validate_set,
        f"--descriptor_set_out={lint_set}",
        "--include_imports",
        "--include_source_info",
        *ours,
    )


def generate_openapi(target: Path, lint_set: Path) -> None:
    """Write the REST API, in a separate process that imports the modules just generated."""
    subprocess.run(
        [sys.executable, "-m", "scripts.openapi", lint_set, target / OPENAPI],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(target), "PYTHONDONTWRITEBYTECODE": "1"},
        check=True,
    )


def run_protoc(validate_set: Path, *arguments: str) -> None:
    """Run the protoc of grpcio-tools; exit with its message if it fails."""
    plugins = Path(sysconfig.get_path("scripts"))
    status = protoc.main(
        [
            "protoc",
            f"--proto_path={PROTO}",
            f"--proto_path={files('grpc_tools') / '_proto'}",
            f"--proto_path={sysconfig.get_path('purelib')}",
            f"--descriptor_set_in={validate_set}",
            f"--plugin=protoc-gen-mypy={plugins / 'protoc-gen-mypy'}",
            f"--plugin=protoc-gen-mypy_grpc={plugins / 'protoc-gen-mypy_grpc'}",
            *arguments,
        ]
    )
    if status != 0:
        sys.exit(f"protoc failed with status {status}")


def check(fresh: Path) -> None:
    """Exit with the names of the files in which `generated/` differs from `fresh`."""
    names = {
        str(path.relative_to(folder))
        for folder in (fresh, GENERATED)
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    _, different, missing = filecmp.cmpfiles(fresh, GENERATED, sorted(names), shallow=False)
    if different or missing:
        sys.exit(
            "generated/ is out of date: "
            + ", ".join(different + missing)
            + ". Run: uv run python scripts/generate.py"
        )
    print("generated/ is up to date")


if __name__ == "__main__":
    main()
