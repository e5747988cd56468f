"""The front door: fills in envoy.yaml. What Envoy does stands in that file alone."""
