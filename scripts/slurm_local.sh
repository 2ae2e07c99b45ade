#!/usr/bin/env bash
# A Slurm of one node on this machine, for tests: installed from Debian's packages, set up, started.
# Again: starts what does not run. Its one partition is called "local"; no cgroups, no accounting.
# Needs root, and leaves a machine that belongs to another Slurm alone.
set -euo pipefail

conf=/etc/slurm/slurm.conf
mark="# written by medabl's scripts/slurm_local.sh"

if [ "$(id -u)" -ne 0 ]; then
    echo "slurm_local.sh installs packages and starts daemons: run it as root." >&2
    exit 1
fi
if [ -e "$conf" ] && ! grep -qxF "$mark" "$conf"; then
    echo "$conf is another Slurm's: this machine is left as it is." >&2
    exit 1
fi
if ! command -v slurmctld >/dev/null || ! command -v slurmd >/dev/null || ! command -v munged >/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends slurm-wlm munge; } >/dev/null || {
        echo "slurm-wlm and munge could not be installed with apt-get; install them and try again." >&2
        exit 1
    }
fi

answers() { scontrol ping 2>/dev/null | grep -q "is UP"; }
idle() { sinfo --noheader --format %T 2>/dev/null | grep -qE "^(idle|mixed|allocated)$"; }
wait_for() { # COMMAND: until it succeeds, half a minute at most
    for _ in $(seq 60); do
        if "$1"; then return; fi
        sleep 0.5
    done
    echo "Slurm does not start ($1); see /var/log/slurm." >&2
    exit 1
}

host=$(hostname -s)
state=/var/spool/medabl-slurm
mkdir -p "$state/slurmd" /var/log/slurm /run/munge
cat >"$conf" <<CONF
$mark
ClusterName=local
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
MpiDefault=none
StateSaveLocation=$state
SlurmdSpoolDir=$state/slurmd
SlurmctldPidFile=/run/slurmctld.pid
SlurmdPidFile=/run/slurmd.pid
SlurmctldLogFile=/var/log/slurm/slurmctld.log
SlurmdLogFile=/var/log/slurm/slurmd.log
SchedulerParameters=batch_sched_delay=1,sched_interval=5
NodeName=$host NodeAddr=127.0.0.1 CPUs=$(nproc) State=UNKNOWN
PartitionName=local Nodes=$host Default=YES MaxTime=INFINITE State=UP
CONF

if ! munge -n >/dev/null 2>&1; then
    chown munge: /run/munge
    runuser -u munge -- /usr/sbin/munged
fi
answers || slurmctld -c  # jobs of a Slurm that was killed are forgotten
wait_for answers
pgrep -x slurmd >/dev/null || slurmd
wait_for idle
sinfo
