"""The repository's own files: workflows, hooks, dependency updates, releases."""
