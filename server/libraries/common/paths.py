"""Where the project's own files are: beside the `server` package, in a clone and in an image.

The OpenAPI document is there in an installed wheel as well.
"""

from pathlib import Path

ROOT = Path(__file__).parents[3]
ENVOY_TEMPLATE = ROOT / "envoy.yaml"
DESCRIPTOR_SET = ROOT / "generated" / "gymlocker.binpb"
OPENAPI = ROOT / "generated" / "openapi.json"
MIGRATIONS = ROOT / "migrations"
