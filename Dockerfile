# The service and its page. Node is in the build stage only; both stages start from the same pinned Python.
ARG BASE=python:3.12.11-slim-bookworm

FROM ${BASE} AS build
# cluster.txt has what a Dask scheduler and its workers need as well.
ARG LOCK=run.txt
WORKDIR /build
COPY requirements requirements
COPY frontend frontend
RUN python requirements/prepare.py
RUN python -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --require-hashes --only-binary :all: -r requirements/${LOCK}

FROM ${BASE}
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin playground \
    && install -d -o 10001 -m 700 /state
WORKDIR /app
COPY --from=build /venv /venv
COPY sandbox sandbox
COPY scenarios scenarios
COPY backend backend
COPY --from=build /build/frontend/dist frontend/dist
# Byte code of the sources, and machine code of the simulator's core: nothing can be written there later.
RUN /venv/bin/python -m compileall -q /app \
    && /venv/bin/python -c "from sandbox.compiler.wasm.host import core; core()"
ENV PATH=/venv/bin:$PATH QDISC_STATE_DIR=/state PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 10001
EXPOSE 8000
CMD ["python", "-m", "backend", "--host", "0.0.0.0", "--port", "8000", "--no-browser"]
