"""What Envoy does with envoy.yaml, in front of a worker that does as it is told."""
