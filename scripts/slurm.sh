#!/usr/bin/env bash
# A Slurm of one machine, to try and to test: a controller and two nodes of two cores each.
# It needs Debian's packages `slurm-wlm` and `munge`, and neither root nor a configured Slurm.
#
#   scripts/slurm.sh version           print the version
#   eval "$(scripts/slurm.sh start)"   start it, and let sbatch, squeue and scancel find it
#   scripts/slurm.sh kill node1        end one of its parts as a crash would (or node2, controller)
#   scripts/slurm.sh restart node1     start that part again
#   scripts/slurm.sh stop              end it
#
# PARETOPRUNE_SLURM names its folder (/tmp/paretoprune-slurm), PARETOPRUNE_SLURM_PORT the first of
# its three ports (27817).
set -euo pipefail
export PATH="$PATH:/usr/sbin:/sbin"

folder=${PARETOPRUNE_SLURM:-/tmp/paretoprune-slurm}
port=${PARETOPRUNE_SLURM_PORT:-27817}
export SLURM_CONF="$folder/slurm.conf"

configure() {
    local host user
    host=$(hostname -s) user=$(id -un)
    mkdir -p "$folder"/{state,node1,node2}
    chmod 700 "$folder"
    cat > "$SLURM_CONF" << CONF
ClusterName=paretoprune
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmctldPidFile=$folder/controller.pid
SlurmctldLogFile=$folder/controller.log
SlurmUser=$user
SlurmdUser=$user
SlurmdPidFile=$folder/%n.pid
SlurmdLogFile=$folder/%n.log
SlurmdSpoolDir=$folder/%n
# Nodes may claim more cores and memory than there are.
SlurmdParameters=config_overrides
StateSaveLocation=$folder/state
AuthType=auth/munge
AuthInfo=socket=$folder/munge.socket,cred_expire=5
CredType=cred/munge
# Without cgroups, which containers seldom have.
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=2,bf_interval=2
# Soon, so that tests need not wait for minutes.
SlurmctldTimeout=10
SlurmdTimeout=10
InactiveLimit=0
KillWait=2
OverTimeLimit=0
MinJobAge=300
ReturnToService=2
NodeName=node1 NodeHostname=$host NodeAddr=127.0.0.1 Port=$((port + 1)) CPUs=2 RealMemory=1000
NodeName=node2 NodeHostname=$host NodeAddr=127.0.0.1 Port=$((port + 2)) CPUs=2 RealMemory=1000
PartitionName=debug Nodes=ALL Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO
CONF
}

start_part() {
    case $1 in
        munge)
            test -s "$folder/munge.key" || head -c 1024 /dev/urandom > "$folder/munge.key"
            chmod 600 "$folder/munge.key"
            munged --force --key-file="$folder/munge.key" --socket="$folder/munge.socket" \
                --pid-file="$folder/munge.pid" --log-file="$folder/munge.log" \
                --seed-file="$folder/munge.seed" ;;
        controller) slurmctld ;;
        node1 | node2) slurmd -N "$1" ;;
        *) echo "no such part: $1" >&2; exit 2 ;;
    esac
}

end_part() { # part, signal
    local pid
    pid=$(cat "$folder/$1.pid" 2> /dev/null) || return 0
    kill "-$2" "$pid" 2> /dev/null || return 0
    while kill -0 "$pid" 2> /dev/null; do sleep 0.1; done
}

kill_jobs() { # of a node: first what would report their end, as a power failure does not
    local pids pid parent
    pids=$(grep -lsz "^SLURMD_NODENAME=$1\$" /proc/[0-9]*/environ | cut -d / -f 3) || true
    for pid in $pids; do
        parent=$(ps -o ppid= -p "$pid" | tr -d ' ') || continue
        if [ "$(ps -o comm= -p "$parent")" = slurmstepd ]; then kill -KILL "$parent" || true; fi
    done
    for pid in $pids; do kill -KILL "$pid" 2> /dev/null || true; done
}

wait_for_nodes() {
    for _ in $(seq 150); do
        if [ "$(sinfo -h -N -o %T 2> /dev/null | grep -c -E '^(idle|mixed|allocated)$')" -eq 2 ]
        then return; fi
        sleep 0.2
    done
    echo "Slurm's nodes do not answer; see $folder/*.log" >&2
    tail -n 5 "$folder"/*.log >&2
    return 1
}

case ${1:-} in
    version) slurmctld -V ;;
    start)
        configure
        for part in munge controller node1 node2; do start_part "$part" > /dev/null; done
        wait_for_nodes
        echo "export SLURM_CONF='$SLURM_CONF'" ;;
    kill)
        end_part "${2:?}" KILL
        case $2 in node*) kill_jobs "$2" ;; esac ;;
    restart) start_part "${2:?}" ;;
    stop)
        scancel --user="$(id -un)" 2> /dev/null || true
        for part in node1 node2 controller munge; do end_part "$part" TERM; done
        rm -rf "$folder" ;;
    *) sed -n '2,12p' "$0" | cut -c 3- >&2; exit 2 ;;
esac
