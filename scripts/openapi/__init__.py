"""Generator of `generated/openapi.json`, the contract as OpenAPI 3.1.

It reads the descriptors of `proto/`.

- `contract.py`: services, methods and their paths
- `comments.py`: the comments of the contract
- `limits.py`: rules of buf.validate as keywords of JSON Schema
- `schemas.py`: messages as schemas
- `requests.py`: parameters and bodies, as Envoy's transcoder accepts them
- `replies.py`: replies, errors and headers, as Envoy writes them
- `errors.py`: the errors of each call
- `security.py`: the authentication of each call
- `files.py`: bodies that are files instead of JSON
- `examples.py`: examples of requests and replies, which tell one story
- `document.py`: the document as a whole
"""
