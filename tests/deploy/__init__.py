"""Dockerfile, docker-compose.yml and deploy/: what they say, and that it works."""
