"""What can be seen of a running process: metrics for Prometheus, and traces for OpenTelemetry.

Neither says anything about a person: no address, no id, no name, nothing of what was said.
"""
