#!/bin/sh
# Starts the broker as its own user, never as root.
set -eu
if [ "${1#rabbitmq}" != "$1" ] && [ "$(id -u)" = 0 ]; then
    chown -R rabbitmq:rabbitmq /var/lib/rabbitmq
    exec setpriv --reuid=rabbitmq --regid=rabbitmq --init-groups "$@"
fi
exec "$@"
