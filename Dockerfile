# syntax=docker/dockerfile:1
# Two stages: the first has pip and the sources, the second only what runs.
ARG BASE=python:3.11.14-slim-bookworm

FROM ${BASE} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
# For the virtual UKey (signing/vukey). Debian keeps only the newest version of a package: no pin would last.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev libssl-dev \
    && rm -rf /var/lib/apt/lists/*
RUN python -m venv /opt/luochui
COPY lock/runtime.txt lock/
RUN /opt/luochui/bin/pip install --require-hashes -r lock/runtime.txt
COPY . .
RUN /opt/luochui/bin/pip install --no-deps .

FROM ${BASE}
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/luochui luochui
COPY --from=build /opt/luochui /opt/luochui
ENV PATH=/opt/luochui/bin:$PATH \
    LUOCHUI_HOST=0.0.0.0 \
    LUOCHUI_DATA=/var/lib/luochui/data \
    LUOCHUI_LOG_FORMAT=json \
    LC_ALL=C.UTF-8
USER 10001
WORKDIR /var/lib/luochui
VOLUME /var/lib/luochui
EXPOSE 8000 8001 8002
# Ready, not merely alive: a container that could lose a bid should not get visitors.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/readyz', timeout=4)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["luochui"]
CMD ["up"]
