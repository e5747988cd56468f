"""Tests of Dockerfile, docker-compose.yml and deploy/: their contents and their behaviour."""
