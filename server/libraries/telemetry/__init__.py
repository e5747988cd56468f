"""Metrics for Prometheus and traces for OpenTelemetry.

Neither contains personal data: no addresses, ids, names or contents of requests.
"""
