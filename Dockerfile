# The image of taskq: the command and what it needs, and nothing that builds. Workers, the exporter and all
# other commands run from it.
#
#   docker build -t taskq .
#   docker run --rm taskq --version
#
# Your handlers go on top of it, as examples/container/Dockerfile does it. docs/deploy.md shows how it is run.
ARG PYTHON_IMAGE=python:3.13-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY taskq_core ./taskq_core
COPY taskq_cli ./taskq_cli
RUN python3 -m pip wheel --no-cache-dir --wheel-dir /wheels .

FROM ${PYTHON_IMAGE}
ARG REVISION=unknown
LABEL org.opencontainers.image.title="taskq" \
      org.opencontainers.image.description="A Redis and Valkey task queue in Python, made for the terminal" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.revision="${REVISION}"

# The wheels are only mounted here, so no layer keeps them. Bytecode is written now, also that of the standard
# library, which slim images leave out: later the file system may be read-only, and a probe starts every few seconds.
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    python3 -m venv /opt/taskq \
    && /opt/taskq/bin/python -m pip install --no-cache-dir --no-index --find-links=/wheels taskq-redis \
    && python3 -m compileall -q -x '/(test|tests|idlelib|lib2to3|turtledemo|site-packages|dist-packages)/' \
       "$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')" \
    && groupadd --gid 10001 taskq \
    && useradd --uid 10001 --gid taskq --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin taskq

# With an address, no command starts a server of its own. 9101 is the worker's port; the exporter has 9102.
ENV PATH=/opt/taskq/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    TASKQ_REDIS_URL=redis://redis:6379 \
    TASKQ_METRICS_HOST=0.0.0.0 \
    TASKQ_METRICS_PORT=9101
WORKDIR /app
# a number, so that Kubernetes can see that it is not root
USER 10001:10001
EXPOSE 9101 9102
STOPSIGNAL SIGTERM
# Liveness, not readiness: while the server is away no worker should be restarted for it.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["taskq", "health", "--worker", "--live"]
ENTRYPOINT ["taskq"]
# the queue that /app/app.py names; any other command of taskq can stand here
CMD ["worker", "app:queue"]
