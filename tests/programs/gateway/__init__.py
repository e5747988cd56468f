"""Tests of Envoy with envoy.yaml, in front of a scripted worker."""
