"""Command that writes the document.

    python -m scripts.openapi DESCRIPTORS DOCUMENT

DESCRIPTORS is a descriptor set with comments. The modules that protoc generated from the same
protos must come first on Python's path.
"""

import json
import sys
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorSet

from scripts.openapi.document import document


def main(descriptors: str, target: str) -> None:
    """Write the document of a descriptor set."""
    files = FileDescriptorSet.FromString(Path(descriptors).read_bytes())
    text = json.dumps(document(files), indent=2, ensure_ascii=False)
    Path(target).write_text(text + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
