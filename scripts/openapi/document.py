"""Document as a whole."""

from collections import defaultdict
from pathlib import Path
from tomllib import loads

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from scripts.openapi.comments import comments_in, first_sentence
from scripts.openapi.contract import PACKAGE, VERSION, Binding, Contract, bindings_of, services_in
from scripts.openapi.errors import error_schemas
from scripts.openapi.limits import Json
from scripts.openapi.replies import (
    error_responses,
    header_components,
    received_messages,
    responses_of,
)
from scripts.openapi.requests import body_of, parameters_of, sent_messages
from scripts.openapi.schemas import Schemas
from scripts.openapi.security import SCHEMES, requirements_of

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"

_ABOUT = """\
An end-to-end encrypted feed of workouts, and a training log. All calls are also available as gRPC
and gRPC-Web on the same port. The contract is `proto/gymlocker/v2`.

The examples tell one story and can be sent in order: Ada registers, logs her training and shares it
with a friend. Ids, passwords and tokens that a server chooses are those of an earlier reply.

- Each call has two paths, with and without `/v2`. Use the one with `/v2`.
- The content type of a JSON body may be absent, that of JSON, or that of an HTML form. The body
  must not be compressed. Fields may be named as here or as in the proto (`user_id`). Numbers may be
  strings. Unknown fields are ignored in bodies, and in the queries of calls that change nothing.
  `null` means absent, except in a PATCH, where it clears the field.
- Bytes are base64. Replies use the standard alphabet. Requests may also use the URL-safe one, and
  omit `=`.
- A reply always contains its lists, maps, numbers and strings, even if they are empty, unless they
  are optional. The length of a string is its number of characters.
- Every reply has an `x-request-id`, which the caller may choose.
- Each path with GET also has HEAD. Each path answers OPTIONS with 204 and its methods in `Allow`.
- Any call may fail with 404 `UNKNOWN_PATH`, 405 `METHOD_NOT_ALLOWED`, 408 or 504 `TIMEOUT`,
  431 `REQUEST_TOO_LARGE` (an address and headers of more than 32 KiB), 403 `NOT_SERVED` (an
  upgrade) or 500 `INTERNAL`. Each of these is an `Error`.
"""


def document(files: FileDescriptorSet) -> Json:
    """Return the contract as OpenAPI.

    `files` contains the comments. Its modules must have been generated.
    """
    contract = Contract(tuple(services_in(files)), comments_in(files, PACKAGE))
    methods = [method for service in contract.services for method in service.methods]
    sent = [each for method in methods for each in sent_messages(method, bindings_of(method))]
    received = [
        each for method in methods if bindings_of(method) for each in received_messages(method)
    ]
    schemas = Schemas(contract, sent, received)
    return {
        "openapi": "3.1.0",
        "info": _info(),
        "servers": [{"url": "/"}],
        "tags": [
            {"name": service.name, "description": contract.comments[service.full_name]}
            for service in contract.services
        ],
        "paths": _paths(methods, schemas, contract),
        "components": {
            "schemas": schemas.components() | error_schemas(),
            "responses": error_responses(),
            "headers": header_components(),
            "securitySchemes": SCHEMES,
        },
    }


def _info() -> Json:
    project = loads(PYPROJECT.read_text())["project"]
    return {
        "title": "Gymlocker",
        "version": project["version"],
        "summary": project["description"],
        "description": _ABOUT,
        "license": {"name": "Apache License 2.0", "identifier": project["license"]},
    }


def _paths(methods: list[MethodDescriptor], schemas: Schemas, contract: Contract) -> Json:
    paths: dict[str, Json] = defaultdict(dict)
    for method in methods:
        bindings = bindings_of(method)
        for binding in bindings:
            operation = _operation(method, binding, bindings[0], schemas, contract)
            paths[binding.path][binding.verb] = operation
    return dict(paths)


def _operation(
    method: MethodDescriptor,
    binding: Binding,
    first: Binding,
    schemas: Schemas,
    contract: Contract,
) -> Json:
    comment = contract.comments[method.full_name]
    operation: Json = {
        "operationId": _operation_id(method, binding, first),
        "tags": [method.containing_service.name],
        "summary": first_sentence(comment),
        "description": comment,
    }
    if binding.is_alias:
        same = Binding(binding.verb, VERSION + binding.path, binding.body)
        operation["description"] = f"Alias of `{same.verb.upper()} {same.path}`."
        operation["x-alias-of"] = _operation_id(method, same, first)
    if parameters := parameters_of(method, binding, schemas):
        operation["parameters"] = parameters
    if body := body_of(method, binding, schemas):
        operation["requestBody"] = body
    operation["responses"] = responses_of(method, binding, schemas, contract)
    operation["security"] = requirements_of(method)
    return operation


def _operation_id(method: MethodDescriptor, binding: Binding, first: Binding) -> str:
    words = [method.containing_service.name, method.name]
    if binding.verb != first.verb:
        words.append(binding.verb)
    # The same call for one of many, with its id in the path.
    if "{" in binding.path and "{" not in first.path:
        words.append("by_id")
    return "_".join([*words, "unversioned"] if binding.is_alias else words)
