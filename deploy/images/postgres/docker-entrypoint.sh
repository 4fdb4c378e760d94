#!/bin/sh
# Makes the cluster on the first start, as the official image does: POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE,
# POSTGRES_USER, POSTGRES_DB, POSTGRES_INITDB_ARGS, POSTGRES_HOST_AUTH_METHOD, and the scripts in /docker-entrypoint-initdb.d.
set -eu

if [ "${1#-}" != "$1" ]; then set -- postgres "$@"; fi
if [ "$1" != postgres ]; then exec "$@"; fi

if [ "$(id -u)" = 0 ]; then
    mkdir -p "$PGDATA"
    chown -R postgres:postgres "$PGDATA" /var/run/postgresql
    exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
fi

fail() { echo "$1" >&2; exit 1; }

if [ ! -s "$PGDATA/PG_VERSION" ]; then
    user=${POSTGRES_USER:-postgres}
    database=${POSTGRES_DB:-$user}
    password=${POSTGRES_PASSWORD:-}
    if [ -n "${POSTGRES_PASSWORD_FILE:-}" ]; then password=$(cat "$POSTGRES_PASSWORD_FILE"); fi
    method=${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}
    if [ -z "$password" ] && [ "$method" != trust ]; then
        fail "Set POSTGRES_PASSWORD (or POSTGRES_PASSWORD_FILE): the database is not made without one."
    fi
    mkdir -p "$PGDATA"
    chmod 700 "$PGDATA"
    secret=$(mktemp)
    trap 'rm -f "$secret"' EXIT
    printf '%s\n' "$password" > "$secret"
    # shellcheck disable=SC2086 (the arguments are words)
    if [ -n "$password" ]; then
        initdb --username="$user" --pwfile="$secret" --auth-local=trust --auth-host="$method" ${POSTGRES_INITDB_ARGS:-}
    else
        initdb --username="$user" --auth-local=trust --auth-host="$method" ${POSTGRES_INITDB_ARGS:-}
    fi
    rm -f "$secret"
    printf '\nhost all all all %s\n' "$method" >> "$PGDATA/pg_hba.conf"
    # Nobody comes in from outside before it is whole.
    pg_ctl --options="-c listen_addresses=''" --wait start
    if [ "$database" != postgres ]; then
        psql --no-psqlrc --set=ON_ERROR_STOP=1 --username="$user" --dbname=postgres --set=name="$database" <<'SQL'
CREATE DATABASE :"name";
SQL
    fi
    for script in /docker-entrypoint-initdb.d/*; do
        case "$script" in
            *.sh) echo "running $script"; . "$script" ;;
            *.sql) echo "running $script"; psql --no-psqlrc --set=ON_ERROR_STOP=1 --username="$user" --dbname="$database" --file="$script" ;;
        esac
    done
    pg_ctl --mode=fast --wait stop
fi
# As the official image has it in postgresql.conf.sample; on the command line it counts for clusters made before, too.
exec "$@" -c listen_addresses='*'
