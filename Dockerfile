# One image for all commands. By default it runs everything: on the PostgreSQL at DATABASE_URL or, if that is not
# set, on its own one in /data, which should be a volume. deploy/compose/production.yml and deploy/kubernetes run
# each part in its own container.
#
# It writes only to /data and /tmp and needs no privileges.

FROM python:3.13.18-slim-trixie AS build
RUN pip install --no-cache-dir uv==0.13.8
ENV UV_PYTHON_DOWNLOADS=never UV_COMPILE_BYTECODE=1 UV_NO_CACHE=1
WORKDIR /gymlocker
# The libraries first, at the versions pinned in pyproject.toml: they change less often than the sources.
COPY pyproject.toml ./
RUN uv sync --no-default-groups --extra local --no-install-project
COPY README.md LICENSE ./
COPY server server
COPY generated generated
# Compiled here because the container's file system is read-only, and never checked because no source changes.
RUN uv sync --no-default-groups --extra local \
  && python -m compileall -q --invalidation-mode unchecked-hash server generated

FROM python:3.13.18-slim-trixie
LABEL org.opencontainers.image.title="Gymlocker" \
  org.opencontainers.image.description="A privacy-first fitness backend: an end-to-end encrypted workout feed over gRPC and REST." \
  org.opencontainers.image.version="0.2.0" \
  org.opencontainers.image.licenses="Apache-2.0" \
  org.opencontainers.image.vendor="The Gymlocker developers" \
  org.opencontainers.image.base.name="docker.io/library/python:3.13.18-slim-trixie"
# PostgreSQL wants a name for the user that it runs as, who may have any id (PUID in docker-compose.yml).
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends libnss-wrapper \
  && rm -rf /var/lib/apt/lists/*
RUN groupadd --gid 10001 gymlocker \
  && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin gymlocker
WORKDIR /gymlocker
COPY --from=build /gymlocker/.venv .venv
COPY --from=build /gymlocker/server server
COPY --from=build /gymlocker/generated generated
COPY LICENSE envoy.yaml ./
COPY migrations migrations
# A new volume gets this owner.
RUN install -d -o 10001 -g 10001 -m 700 /data
ENV PATH=/gymlocker/.venv/bin:$PATH PYTHONUNBUFFERED=1
# A number, so that Kubernetes can verify that it is not root.
USER 10001:10001
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --start-interval=1s --retries=3 \
  CMD ["gymlocker", "health", "--address", "127.0.0.1:8080"]
ENTRYPOINT ["gymlocker"]
CMD ["up", "--host", "0.0.0.0", "--port", "8080", "--data-dir", "/data"]
