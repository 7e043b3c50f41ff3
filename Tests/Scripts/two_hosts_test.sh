#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A run on two hosts: two network namespaces with a link of a given rate between them, torchrun's variables in each. The
# result is that of one process, and a link that is cut ends both.
#
#   Tests/Scripts/two_hosts_test.sh              # the test, at 200 Mbit/s
#   Tests/Scripts/two_hosts_test.sh measure      # efficiency by rate: the table of docs/guides/many-processes.md
#
# Everything happens in a network of its own (unshare), which is gone with the script; no root is needed where users may have
# namespaces. RATES="2000 500" (Mbit/s), ROUNDS, WIDTH, LAYERS, BATCH set what is measured.
set -uo pipefail
root="$(cd "$(dirname "$0")/../.." && pwd)"
program="${DIST2:-$root/.build/release/dist2}"
skip() { echo "two_hosts_test: skipped, $*"; exit 0; }
[ -x "$program" ] || skip "dist2 is not built"
for tool in unshare ip tc python3; do
  command -v $tool > /dev/null || skip "there is no $tool (apt-get install util-linux iproute2 python3)"
done
# Namespaces have names in /run/netns, which is made private with the rest.
if [ -z "${TWO_HOSTS_INSIDE:-}" ]; then
  # Processes too: what is still running ends with the script.
  apart=(unshare --map-root-user --net --mount --pid --fork --kill-child --mount-proc)
  "${apart[@]}" true 2> /dev/null || skip "namespaces are not allowed here"
  TWO_HOSTS_INSIDE=1 exec "${apart[@]}" "$0" "$@"
fi
mount -t tmpfs tmpfs /run || skip "no private /run"
{ ip netns add one && ip netns add two && ip link add to-two netns one type veth peer name to-one netns two; } 2> /dev/null \
  || skip "no network namespaces or no veth in this kernel"
for end in "one to-two 10.77.0.1" "two to-one 10.77.0.2"; do
  read -r host link address <<< "$end"
  ip -n "$host" addr add "$address/24" dev "$link"
  ip -n "$host" link set "$link" up
  ip -n "$host" link set lo up
done
# Each direction has so many Mbit/s; 0 for as fast as it goes. A burst is what passes in 4 ms: timers are not finer.
shape() {
  local end host link
  for end in "one to-two" "two to-one"; do
    read -r host link <<< "$end"
    tc -n "$host" qdisc del dev "$link" root 2> /dev/null
    [ "$1" -eq 0 ] && continue
    tc -n "$host" qdisc add dev "$link" root tbf rate "$1mbit" burst "$(($1 * 500 + 20000))" latency 50ms || return 1
  done
}
shape 200 || skip "no shaped links in this kernel (tc's tbf)"

lab="$(mktemp -d)"
trap 'rm -rf "$lab"' EXIT
cd "$lab"
export OMP_NUM_THREADS=1
. "$root/Tests/Scripts/expectations.sh"
port=29500
# Two hosts; both write their own words. Options of `dist2 train`; nobody listens at a port of the last run.
hosts() {
  port=$((port + 1))
  local shared=(WORLD_SIZE=2 LOCAL_RANK=0 MASTER_ADDR=10.77.0.1 MASTER_PORT=$port)
  ip netns exec one env RANK=0 "${shared[@]}" timeout 300 "$program" train run.yaml "$@" > one.log 2>&1 &
  local first=$!
  ip netns exec two env RANK=1 "${shared[@]}" timeout 300 "$program" train run.yaml "$@" > two.log 2>&1 &
  local second=$! failures=0
  wait $first || failures=$((failures + 1))
  wait $second || failures=$((failures + 1))
  output="$(cat one.log two.log)"
  return $failures
}
# Bytes that have left a host.
sent() {
  ip -n "$1" -s -j link show "$2" | python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["stats64"]["tx"]["bytes"])'
}

for i in $(seq 1 64); do
  printf '{"prompt": "%d + %d = ", "completion": "%d"}\n' "$i" $((i * 3 % 17)) $((i + i * 3 % 17))
done > train.jsonl
model() { # width, layers, steps, batch
  parameters="$("$program" new-lm -o m --force --width "$1" --layers "$2" --heads 4 --context 64)" || exit 1
  parameters="${parameters//[^0-9]/}"
  cat > run.yaml << END
model: m
data: { train: train.jsonl }
metrics: [{ tokens: digits }]
train: { steps: $3, batch: $4, samples: 0, answers: 0, fromScratch: true }
END
}
# Compares losses and weights of two runs: the largest differences, relative.
cat > compare.py << 'END'
import array, json, struct, sys

def losses(run):
    lines = map(json.loads, open(f"{run}/metrics.jsonl"))
    return [line["train/loss"] for line in lines if "train/loss" in line]

def weights(run, step):
    with open(f"{run}/checkpoints/step-{step}/model.safetensors", "rb") as file:
        head = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = file.read()
    for name, entry in sorted(head.items()):
        if name != "__metadata__":
            yield name, array.array("f", data[slice(*entry["data_offsets"])])

a, b, step = sys.argv[1:]
loss = max(abs(x - y) / abs(x) for x, y in zip(losses(a), losses(b), strict=True))
weight = 0.0
for (name, x), (other, y) in zip(weights(a, step), weights(b, step), strict=True):
    assert name == other and len(x) == len(y)
    weight = max(weight, max(abs(p - q) for p, q in zip(x, y)))
print(f"largest difference of a loss {loss:.1e} of itself, of a weight {weight:.1e}")
sys.exit(not (loss < 1e-5 and weight < 1e-4))
END

# The test: same result, bytes as the formula has them, a cut link.
test_hosts() {
  model 64 2 6 8
  output="$("$program" train run.yaml -o alone 2>&1)"
  expect "one process trains" test -f alone/checkpoints/step-6/model.safetensors
  local stage before after share
  for stage in none gradients; do
    before=$(sent one to-two)
    hosts -o "$stage" --set train.shard=$stage
    expect "two hosts train (train.shard: $stage)" test $? -eq 0
    after=$(sent one to-two)
    share=$((100 * (after - before) / (6 * 4 * parameters)))
    expect "it sends 4 bytes a parameter and step, and little more: $share %" test $share -ge 100 -a $share -le 108
    output="$(python3 compare.py alone "$stage" 6 2>&1)"
    expect "losses and weights are those of one process (train.shard: $stage)" test $? -eq 0
    echo "two_hosts_test: train.shard $stage: $output; $((after - before)) bytes sent"
  done
  # Long enough to be cut in the middle.
  (sleep 6; ip -n two link set to-one down) &
  local cutter=$!
  hosts -o cut --set train.steps=1000000 --timeout 5
  expect "a cut link ends both" test $? -eq 2
  expect "a line names a process" says "dist2: process "
  wait $cutter
  ip -n two link set to-one up
}

# Rates in turns, a step's median seconds of each against those of the link without a limit.
seconds() { python3 -c '
import json, statistics, sys
lines = map(json.loads, open(sys.argv[1] + "/metrics.jsonl"))
times = [line["time"] for line in lines if "train/loss" in line][1:]
print(statistics.median(b - a for a, b in zip(times, times[1:])))' "$1"; }
measure() {
  local rates=(0 ${RATES:-2000 1000 500 250}) rounds=${ROUNDS:-3} rate round width=${WIDTH:-512} layers=${LAYERS:-8}
  model "$width" "$layers" 6 "${BATCH:-48}"
  for round in $(seq "$rounds"); do
    for rate in "${rates[@]}"; do
      shape "$rate" || exit 1
      rm -rf run
      hosts -o run --set train.checkpointEvery=1000 || { printf '%s\n' "$output"; exit 1; }
      echo "$rate $(seconds run)" >> found
      tail -n 1 found >&2
    done
  done
  echo "$parameters parameters; load $(cut -d' ' -f1 /proc/loadavg)"
  python3 "$root/scripts/simulate_processes.py" --two-hosts found --parameters "$parameters"
}

if [ "${1:-}" = measure ]; then measure; exit; fi
test_hosts
echo "two_hosts_test: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
