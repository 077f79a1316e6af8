#!/usr/bin/env bash
# A Ray cluster on one machine, to try and to test: a head without cores, and two nodes with two
# cores and a (pretended) GPU each, all of them processes of their own. It needs the extra `ray`.
#
#   scripts/ray.sh version          print the version
#   eval "$(scripts/ray.sh start)"  start it, for `executor=ray executor.address=auto`
#   scripts/ray.sh kill node1       end a node and its workers as a power failure would (or node2)
#   scripts/ray.sh restart node1    start that node again
#   scripts/ray.sh stop             end it
#
# PARETOPRUNE_RAY names its folder (/tmp/paretoprune-ray; a long name is refused by Ray), and
# PARETOPRUNE_RAY_PORT the port of its head (26379).
set -euo pipefail

folder=${PARETOPRUNE_RAY:-/tmp/paretoprune-ray}
port=${PARETOPRUNE_RAY_PORT:-26379}
export RAY_USAGE_STATS_ENABLED=0 RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO=0
# Only who can read the folder can use the cluster.
export RAY_AUTH_MODE=token RAY_AUTH_TOKEN_PATH="$folder/token"
export RAY_health_check_period_ms=500     # dead nodes are missed soon
export RAY_raylet_start_wait_time_s=180   # a busy machine needs long

processes() { # of this cluster, whose command holds a text
    pgrep -f -- "$1.*$folder/|$folder/.*$1" || true
}

start_node() {
    ray start --address="127.0.0.1:$port" --num-cpus=2 --num-gpus=1 --resources="{\"$1\": 1}" \
        --object-store-memory=100000000 --disable-usage-stats > "$folder/$1.log" 2>&1 \
        || { cat "$folder/$1.log" >&2; return 1; }
}

case ${1:-} in
    version) ray --version ;;
    start)
        mkdir -p "$folder" && chmod 700 "$folder"
        head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n' > "$RAY_AUTH_TOKEN_PATH"
        ray start --head --port="$port" --node-ip-address=127.0.0.1 --num-cpus=0 --num-gpus=0 \
            --include-dashboard=false --temp-dir="$folder/r" --object-store-memory=100000000 \
            --disable-usage-stats > "$folder/head.log" 2>&1 \
            || { cat "$folder/head.log" >&2; exit 1; }
        start_node node1
        start_node node2
        echo "export RAY_ADDRESS=127.0.0.1:$port RAY_AUTH_MODE=token" \
            "RAY_AUTH_TOKEN_PATH='$RAY_AUTH_TOKEN_PATH'" ;;
    kill)
        # Workers end with the node's own process, which starts and watches them.
        for pid in $(processes "static_resource_list=[^ ]*${2:?},1"); do kill -KILL "$pid"; done ;;
    restart) start_node "${2:?}" ;;
    stop)
        for pid in $(processes .); do kill -TERM "$pid" 2> /dev/null || true; done
        sleep 2
        for pid in $(processes .); do kill -KILL "$pid" 2> /dev/null || true; done
        rm -rf "$folder" ;;
    *) sed -n '2,12p' "$0" | cut -c 3- >&2; exit 2 ;;
esac
