# Two images. `homin`: every Python service, told apart by its command. `web`: Caddy with the built client.
# Built by Compose (docker compose build); the base images can be made without a registry: make images.
# A build secret `ca`, where it is not empty, holds the certificates that pip and npm trust: some networks have their own.

FROM python:3.13-slim AS packages
COPY requirements.lock /
RUN --mount=type=secret,id=ca --mount=type=cache,target=/root/.cache/pip \
    if [ -s /run/secrets/ca ]; then export PIP_CERT=/run/secrets/ca; fi \
    && python3 -m venv /opt/homin \
    && /opt/homin/bin/pip install --disable-pip-version-check --no-input --prefer-binary --require-hashes \
       --no-compile --quiet --requirement requirements.lock \
    && /opt/homin/bin/pip uninstall --quiet --yes pip

FROM python:3.13-slim AS homin
# The folder of files belongs to the user who will write there: a new volume takes its owner from here.
RUN groupadd --gid 10001 homin && useradd --uid 10001 --gid homin --no-create-home --home-dir /nonexistent homin \
    && install -d -o homin -g homin -m 750 /var/lib/homin
COPY --from=packages /opt/homin /opt/homin
WORKDIR /srv/homin

COPY tools/migrate.py tools/preflight.py tools/ready.py tools/
COPY migrations migrations
COPY shared shared
COPY services services
# Compiled here, since nothing can be written where it runs. Packages by their own time stamps would be read again and again.
RUN ["/opt/homin/bin/python", "-m", "compileall", "-q", "-j", "0", "--invalidation-mode", "unchecked-hash", "/opt/homin/lib", "/srv/homin"]
ENV PATH=/opt/homin/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    HOMIN_HOST=0.0.0.0 HOMIN_PORT=8080 HOMIN_LOG_FORMAT=json HOMIN_VAR=/var/lib/homin
USER 10001:10001
EXPOSE 8080
HEALTHCHECK --interval=5s --timeout=4s --start-period=60s --retries=3 CMD ["python", "-I", "-S", "tools/ready.py"]
CMD ["python", "-m", "services.standalone"]

FROM node:22-slim AS client
WORKDIR /build/web
COPY web/package.json web/package-lock.json web/.npmrc ./
RUN --mount=type=secret,id=ca --mount=type=cache,target=/root/.npm \
    if [ -s /run/secrets/ca ]; then export NODE_EXTRA_CA_CERTS=/run/secrets/ca; fi \
    && npm ci --no-audit --no-fund --loglevel=error
COPY web ./
RUN npm run --silent build

FROM caddy:2 AS web
COPY --chmod=755 --from=client /build/web/dist /srv/web
COPY deploy/Caddyfile /etc/caddy/Caddyfile
# Certificates are kept here; a new volume takes its owner from this folder.
COPY --chown=10001:10001 deploy/caddy-data /var/lib/homin-web
ENV XDG_DATA_HOME=/var/lib/homin-web XDG_CONFIG_HOME=/var/lib/homin-web
USER 10001:10001
EXPOSE 8080 8443
HEALTHCHECK --interval=5s --timeout=4s --start-period=60s --retries=3 CMD ["wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8081/readyz"]
CMD ["caddy", "run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"]
