"""Paths of the project's own files: beside the `server` package in a clone, image and wheel."""

from pathlib import Path

ROOT = Path(__file__).parents[3]
ENVOY_TEMPLATE = ROOT / "envoy.yaml"
DESCRIPTOR_SET = ROOT / "generated" / "gymlocker.binpb"
OPENAPI = ROOT / "generated" / "openapi.json"
MIGRATIONS = ROOT / "migrations"
