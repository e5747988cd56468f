"""Comments of the contract, which a descriptor set stores apart from its descriptors."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

_FIELD = re.compile(r"`([a-z_]+)`")
_SENTENCE = re.compile(r"(.+?[.;])(\s|$)", re.DOTALL)


def comments_in(files: FileDescriptorSet, package: str) -> dict[str, str]:
    """Return the comments by the full name of their subject, each paragraph on one line.

    A field in a comment gets its JSON name, if all fields of that name have the same one.
    """
    ours = [file for file in files.file if file.package == package]
    names = _json_names(ours)
    return {
        name: _FIELD.sub(lambda match: f"`{names.get(match[1], match[1])}`", comment)
        for file in ours
        for name, comment in _comments_of(file)
    }


def first_sentence(comment: str) -> str:
    """Return the first sentence of a comment, without its full stop."""
    match = _SENTENCE.match(comment)
    return (match[1] if match else comment).rstrip(".;")


def _json_names(files: Iterable[FileDescriptorProto]) -> dict[str, str]:
    spelt: dict[str, set[str]] = defaultdict(set)
    for file in files:
        for message in file.message_type:
            for field in message.field:
                spelt[field.name].add(field.json_name)
    return {name: json_names.pop() for name, json_names in spelt.items() if len(json_names) == 1}


def _comments_of(file: FileDescriptorProto) -> Iterator[tuple[str, str]]:
    for location in file.source_code_info.location:
        name = _name_at(file, location.path)
        if name and location.leading_comments:
            yield name, _unwrapped(location.leading_comments)


def _name_at(file: FileDescriptorProto, path: Sequence[int]) -> str | None:
    """Return the full name at a path of field numbers and indexes; None if it has no name."""
    node: Any = file
    names = [file.package]
    for number, index in zip(path[::2], path[1::2], strict=False):
        children = getattr(node, node.DESCRIPTOR.fields_by_number[number].name)
        if isinstance(children, (str, bytes, int)) or not hasattr(children, "__getitem__"):
            return None
        node = children[index]
        if not hasattr(node, "name"):
            return None
        names.append(node.name)
    return ".".join(names) if len(path) % 2 == 0 and len(names) > 1 else None


def _unwrapped(comment: str) -> str:
    paragraphs = re.split(r"\n\s*\n", comment.strip())
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
