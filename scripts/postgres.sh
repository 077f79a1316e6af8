#!/usr/bin/env bash
# A PostgreSQL server of your own, for studies and MLflow: two databases, `optuna` and `mlflow`.
# It needs Debian's package `postgresql` (or any PostgreSQL), and neither root nor a running server.
#
#   scripts/postgres.sh version      print the version
#   scripts/postgres.sh start        start it, and print the URL with DATABASE in place of the name
#   scripts/postgres.sh kill         end it as a crash would; `start` starts it again
#   scripts/postgres.sh stop         end it; its data are kept
#
# PARETOPRUNE_POSTGRES names its folder (/tmp/paretoprune-postgres), PARETOPRUNE_POSTGRES_PORT its
# port (54999). It listens on this machine only, and trusts every user of it.
set -euo pipefail
cd /  # a folder that the server's user can enter
for bin in /usr/lib/postgresql/*/bin; do PATH="$bin:$PATH"; done

folder=${PARETOPRUNE_POSTGRES:-/tmp/paretoprune-postgres}
port=${PARETOPRUNE_POSTGRES_PORT:-54999}
as=()  # it refuses to run as root
if [ "$(id -u)" -eq 0 ]; then as=(runuser -u postgres --); fi

make() {
    mkdir -p "$folder"
    if [ "$(id -u)" -eq 0 ]; then chown postgres "$folder"; fi
    "${as[@]}" initdb -D "$folder/data" -U me -A trust > /dev/null
}

start() {
    test -d "$folder/data" || make
    # After a crash, what the server has started needs a moment to end.
    for attempt in $(seq 30); do
        if "${as[@]}" pg_ctl -D "$folder/data" -w -l "$folder/log" \
            -o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories=" \
            start > "$folder/start.log" 2>&1
        then break; fi
        if [ "$attempt" -eq 30 ]; then cat "$folder/start.log" "$folder/log" >&2; exit 1; fi
        sleep 0.5
    done
    for database in optuna mlflow; do
        "${as[@]}" createdb -h 127.0.0.1 -p "$port" -U me "$database" 2> /dev/null || true
    done
}

case ${1:-} in
    version) postgres --version ;;
    start)
        start
        echo "postgresql+psycopg://me@127.0.0.1:$port/DATABASE" ;;
    kill) "${as[@]}" pg_ctl kill KILL "$(head -n 1 "$folder/data/postmaster.pid")" ;;
    stop)
        if "${as[@]}" pg_ctl -D "$folder/data" status > /dev/null 2>&1; then
            "${as[@]}" pg_ctl -D "$folder/data" -m fast -w stop > /dev/null
        fi ;;
    *) sed -n '2,11p' "$0" | cut -c 3- >&2; exit 2 ;;
esac
