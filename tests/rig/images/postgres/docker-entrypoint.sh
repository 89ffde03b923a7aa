#!/bin/bash
# Behaves like the official image where we depend on it: POSTGRES_USER, POSTGRES_PASSWORD(_FILE), POSTGRES_DB,
# POSTGRES_INITDB_ARGS, POSTGRES_HOST_AUTH_METHOD, /docker-entrypoint-initdb.d, `postgres -c name=value` arguments,
# any uid. All of them count only while the data folder is empty.
set -euo pipefail

if [ "${1:-postgres}" != postgres ] && [ "${1#-}" = "$1" ]; then exec "$@"; fi
[ "${1:-}" = postgres ] && shift

if [ "$(id -u)" = 0 ]; then
  mkdir -p "$PGDATA"
  chown -R postgres:postgres "$PGDATA"
  chmod 700 "$PGDATA"
  exec setpriv --reuid=999 --regid=999 --clear-groups "$0" postgres "$@"
fi

from_file() {  # the value of $1, or the content of the file that $1_FILE names
  local file="$1_FILE"
  if [ -n "${!file:-}" ]; then cat "${!file}"; else printf '%s' "${!1:-}"; fi
}

initialise() {
  local password user database method
  password=$(from_file POSTGRES_PASSWORD; printf x); password=${password%x}; password=${password%$'\n'}
  user=$(from_file POSTGRES_USER); user=${user:-postgres}
  database=$(from_file POSTGRES_DB); database=${database:-$user}
  method=${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}
  if [ -z "$password" ] && [ "$method" != trust ]; then
    echo 'Error: Database is uninitialized and superuser password is not specified.' >&2
    exit 1
  fi
  # shellcheck disable=SC2086
  initdb --pgdata="$PGDATA" --username="$user" --pwfile=<(printf '%s\n' "$password") ${POSTGRES_INITDB_ARGS:-}
  printf '\nhost all all all %s\n' "$method" >> "$PGDATA/pg_hba.conf"
  pg_ctl --pgdata="$PGDATA" --options="-c listen_addresses=''" --wait start > /dev/null
  export PGHOST=/var/run/postgresql PGUSER="$user" PGPASSWORD="$password"
  if [ "$database" != postgres ]; then
    echo 'CREATE DATABASE :"name";' | psql --quiet --no-psqlrc --dbname=postgres --set=ON_ERROR_STOP=1 --set=name="$database"
  fi
  run_scripts "$database"
  unset PGHOST PGUSER PGPASSWORD
  pg_ctl --pgdata="$PGDATA" --mode=fast --wait stop > /dev/null
}

run_scripts() {
  local file
  for file in /docker-entrypoint-initdb.d/*; do
    case $file in
      *.sh) bash "$file" ;;
      *.sql) psql --quiet --no-psqlrc --dbname="$1" --set=ON_ERROR_STOP=1 --file="$file" ;;
    esac
  done
}

mkdir -p "$PGDATA"
chmod 700 "$PGDATA" 2> /dev/null || true
[ -s "$PGDATA/PG_VERSION" ] || initialise
exec postgres "$@"
