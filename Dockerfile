# syntax=docker/dockerfile:1
ARG BASE=python:3.13-slim-bookworm

FROM ${BASE} AS build
# Where packages come from, for a machine that has its own index or certificates: --build-arg PIP_INDEX_URL=...
ARG PIP_INDEX_URL
ARG PIP_CERT
WORKDIR /build
COPY pyproject.toml README.md LICENSE ./
COPY requirements requirements
COPY src src
# Locked files only, by their hashes. What builds the wheel stays behind in a place of its own.
RUN python -m venv /opt/build \
    && /opt/build/bin/python -m pip install --no-cache-dir --require-hashes --requirement requirements/build.txt \
    && /opt/build/bin/python -m pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir wheels . \
    && python -m venv /opt/carbonmatch \
    && /opt/carbonmatch/bin/python -m pip install --no-cache-dir --no-compile --require-hashes \
        --requirement requirements/runtime.txt \
    && /opt/carbonmatch/bin/python -m pip install --no-cache-dir --no-compile --no-deps wheels/*.whl

FROM ${BASE}
# A fixed number, so that the volume's owner can be set from outside. No shell, no home.
RUN groupadd --gid 10001 carbonmatch \
    && useradd --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin carbonmatch \
    && install --directory --owner=10001 --group=10001 --mode=0750 /var/lib/carbonmatch
COPY --from=build /opt/carbonmatch /opt/carbonmatch
ENV PATH=/opt/carbonmatch/bin:${PATH} \
    PYTHONUNBUFFERED=1 \
    CARBONMATCH_DATA_DIR=/var/lib/carbonmatch
USER 10001:10001
VOLUME /var/lib/carbonmatch
WORKDIR /var/lib/carbonmatch
EXPOSE 7400 7410 7420 7480

# One interpreter start without site or packages, 30 ms; recovery counts as healthy.
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s CMD ["python", "-I", "-S", "-c", "\
import os, socket, sys; \
peer = socket.create_connection(('127.0.0.1', int(os.environ.get('CARBONMATCH_OPS_PORT') or 7480)), 4); \
peer.sendall(b'GET /healthz HTTP/1.0\\r\\n\\r\\n'); \
sys.exit(b' 200 ' not in peer.makefile('rb').readline())"]

# The engine is PID 1 and handles SIGTERM itself.
STOPSIGNAL SIGTERM
ENTRYPOINT ["carbonmatch"]
CMD ["serve"]
