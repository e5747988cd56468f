"""Makes `generated/openapi.json`, the contract as OpenAPI 3.1, from the descriptors of `proto/`.

- `contract.py`: services, methods and their paths
- `comments.py`: the contract's comments
- `limits.py`: buf.validate as keywords of JSON Schema
- `schemas.py`: messages as schemas
- `requests.py`: parameters and bodies, as Envoy's transcoder takes them
- `replies.py`: replies, errors and headers, as Envoy writes them
- `errors.py`: which errors there are
- `security.py`: how a caller is authenticated
- `files.py`: what is a file instead of JSON
- `examples.py`: an example of each request
- `document.py`: all of it together
"""
