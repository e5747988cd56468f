"""The front door: code that fills in envoy.yaml. That file alone defines Envoy's behaviour."""
