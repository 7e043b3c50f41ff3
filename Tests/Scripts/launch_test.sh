#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs that torchrun and Slurm's srun really start: two processes that share the optimizer's state and gradients, killed and
# gone on with. A launcher that is not there is skipped, and said.
#
# torchrun: TORCHRUN=path, or the one on the path (pip install torch). Slurm: a cluster of this machine alone is made in a
# folder of its own, which needs root and the packages slurmctld, slurmd and slurm-client.
set -uo pipefail
root="$(cd "$(dirname "$0")/../.." && pwd)"
program="${DIST2:-$root/.build/release/dist2}"
[ -x "$program" ] || { echo "launch_test: skipped, dist2 is not built"; exit 0; }
lab="$(mktemp -d)"
started=()
cleanUp() {
  for process in "${started[@]}"; do kill "$process" 2> /dev/null; done
  # The controller may still write what it knows.
  rm -rf "$lab" 2> /dev/null || { sleep 2; rm -rf "$lab" || true; }
}
trap cleanUp EXIT
. "$(dirname "$0")/expectations.sh"

cd "$lab"
export OMP_NUM_THREADS=1
for i in $(seq 1 16); do
  printf '{"prompt": "%d + %d = ", "completion": "%d"}\n' "$i" $((i * 3 % 7)) $((i + i * 3 % 7))
done > train.jsonl
output="$("$program" new-lm -o m --width 16 --layers 1 --heads 2 --context 64 2>&1)" || { printf '%s\n' "$output"; exit 1; }
cat > run.yaml << 'END'
model: m
data: { train: train.jsonl }
metrics: [{ tokens: digits }]
train: { steps: 6, batch: 4, samples: 0, checkpointEvery: 2, shard: gradients }
END
output="$("$program" train run.yaml -o alone 2>&1)"
expect "one process trains" test -f alone/checkpoints/step-6/model.safetensors

# What both launchers must come to; $1 is the run's folder.
isWhole() {
  expect "$1: all parts are there" test -f "$1/checkpoints/step-6/optimizer-00002-of-00002.safetensors"
  expect "$1: the weights are a model's" test -f "$1/checkpoints/step-6/model.safetensors"
  output="$("$program" export "$1" -o "$1-model" 2>&1)"
  expect "$1: it is exported" test -f "$1-model/model.safetensors"
}

torchrun="${TORCHRUN:-$(command -v torchrun || true)}"
if [ -n "$torchrun" ]; then
  start=("$torchrun" --no-python --nproc-per-node 2 --rdzv-backend c10d --rdzv-endpoint localhost:0)
  output="$("${start[@]}" "$program" train run.yaml -o by-torchrun 2>&1)"
  expect "torchrun: it ends well" test $? -eq 0
  isWhole by-torchrun
  # Longer, with another stage: the restarted agents go on from what the last ones left.
  output="$("${start[@]}" "$program" train run.yaml -o by-torchrun --set train.steps=8 --set train.shard=optimizer 2>&1)"
  expect "torchrun: it goes on with another stage" says "going on from step 6"
else
  echo "launch_test: torchrun skipped, there is none (pip install torch, or TORCHRUN=path)"
fi

if ! command -v slurmctld slurmd srun > /dev/null; then
  echo "launch_test: srun skipped, there is no Slurm (apt-get install slurmctld slurmd slurm-client)"
elif [ "$(id -u)" -ne 0 ]; then
  echo "launch_test: srun skipped, a cluster of one machine needs root"
else
  host="$(hostname -s)"
  mkdir state spool
  cat > slurm.conf << END
ClusterName=dist2
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=26817
SlurmdPort=26818
SlurmUser=root
SlurmdUser=root
AuthType=auth/none
CredType=cred/none
StateSaveLocation=$lab/state
SlurmdSpoolDir=$lab/spool
SlurmctldPidFile=$lab/controller.pid
SlurmdPidFile=$lab/node.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
ReturnToService=2
MpiDefault=none
NodeName=$host NodeAddr=127.0.0.1 CPUs=$(nproc)
PartitionName=all Nodes=ALL Default=YES State=UP
END
  export SLURM_CONF="$lab/slurm.conf"
  slurmctld -D > controller.log 2>&1 &
  started+=($!)
  sleep 2
  slurmd -D > node.log 2>&1 &
  started+=($!)
  for _ in $(seq 1 30); do sinfo -h -o %T 2> /dev/null | grep -q idle && break; sleep 1; done
  export MASTER_ADDR=127.0.0.1 MASTER_PORT=$((20000 + RANDOM % 6000))
  output="$(timeout 300 srun --ntasks 2 --overcommit "$program" train run.yaml -o by-srun 2>&1)"
  expect "srun: it ends well" test $? -eq 0
  isWhole by-srun
  output="$(timeout 300 srun --ntasks 2 --overcommit "$program" train run.yaml -o by-srun --set train.steps=8 2>&1)"
  expect "srun: it goes on" says "going on from step 6"
fi

echo "launch_test: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
