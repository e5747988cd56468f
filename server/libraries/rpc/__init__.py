"""Everything around a call: logging, errors, validation, authentication. Independent of features.

Must not import anything: `tuning` has to run before grpc is imported.
"""
