"""Where the project's own files are: beside the `server` package, in a clone and in an image."""

from pathlib import Path

ROOT = Path(__file__).parent.parent
ENVOY_TEMPLATE = ROOT / "envoy.yaml"
DESCRIPTOR_SET = ROOT / "generated" / "gymlocker.binpb"
MIGRATIONS = ROOT / "migrations"
