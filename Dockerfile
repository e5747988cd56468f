# One image, three commands: gymlocker migrate, serve and gateway. See docker-compose.yml.
FROM python:3.13-slim AS build
RUN pip install --no-cache-dir uv==0.13.8
WORKDIR /gymlocker
COPY pyproject.toml README.md LICENSE ./
COPY server server
COPY generated generated
RUN uv sync --no-default-groups --extra gateway --no-cache --compile-bytecode

FROM python:3.13-slim
RUN useradd --system --no-create-home gymlocker
WORKDIR /gymlocker
COPY --from=build /gymlocker /gymlocker
COPY envoy.yaml ./
COPY migrations migrations
ENV PATH=/gymlocker/.venv/bin:$PATH PYTHONUNBUFFERED=1
USER gymlocker
ENTRYPOINT ["gymlocker"]
CMD ["--help"]
