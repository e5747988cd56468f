"""What surrounds every call: logging, errors, validation, authentication. Knows no feature."""
