#!/bin/bash
# Python in front of a real Slurm: submit, wait, fill its topic, look, score by
# its model, cancel, remove; a run by functions of the script; what is refused.
. "$(dirname "$0")/lib.sh"

PY=${PILOT_TEST_PYTHON:-/usr/bin/python3}
"$PY" -c 'import numpy' 2>/dev/null ||
    skip_rest "$PY has no NumPy: scripts/bootstrap --check"
cluster=$SRC/tests/system/slurm-cluster
"$cluster" start "$TEST_DIR/slurm" --nodes 2 >"$TEST_DIR/slurm.out" 2>&1
case $? in
0) ;;
77 | 78) skip_rest "$(tail -n 1 "$TEST_DIR/slurm.out")" ;;
*)
    ok 1 "the cluster starts"
    sed 's/^/# /' "$TEST_DIR/slurm.out"
    exit 1
    ;;
esac
# shellcheck disable=SC2317 # called at the end
leave() { "$cluster" stop "$TEST_DIR/slurm" >/dev/null 2>&1; }
at_end leave
# shellcheck disable=SC1091
. "$TEST_DIR/slurm/env"
export PYTHONPATH="$SRC/python" PYTHONDONTWRITEBYTECODE=1
export PILOT_COMMAND="$BUILD/pilot" XDG_CACHE_HOME="$TEST_DIR/cache"
cd "$TEST_DIR" || exit 1

# python NAME: the script NAME.py runs, and its words are in NAME.out.
python() {
    timeout 120 "$PY" "$1.py" "$SRC" >"$1.out" 2>"$1.err"
    is $? 0 "$1: it runs" || sed 's/^/# /' "$1.out" "$1.err"
}

# --- a pool that learns from a topic, as in python/README.md

cat >topic.py <<'P'
import sys
import time

import numpy as np
import pilot_edge as pe

run = pe.submit("slurm://", sys.argv[1] + "/jobs/pool.yaml", name="py-topic",
                nodes=2, ntasks=4, time="10m",
                set={"pilots.pool.same-host": "yes",
                     "stages.learn.options.clusters": 3})
print("submitted", *run.submitted[0][:1], run.submitted[0][1].isdigit())
run.wait(timeout=60, until="active")
print("active", run.state, run.status()[0]["id"])
rng = np.random.default_rng(3)
x = rng.normal(size=(500, 4))
with pe.Producer("pilot.{run}.sensors", run="py-topic") as p:
    for i in range(8):
        p.send(x, device="cam")
for _ in range(600):
    try:
        if run.model.points == 4000:
            break
    except pe.PilotError:
        pass
    time.sleep(0.1)
print("model", run.model.kind, run.model.points)
far = np.full((1, 4), 40.0)
print("far", run.model.predict(far)[0], run.model.scores(far)[0] > run.model.threshold)
try:
    run.remove()
except pe.PilotError as e:
    print("lives", type(e).__name__, e.exit_code)
try:
    run.wait(timeout=0.1)
except pe.WaitTimeout as e:
    print("goes on", e.exit_code)
run.cancel()
try:
    run.wait(timeout=60)
except pe.Stopped as e:
    print("canceled", e.exit_code)
print("state", run.state)
P
python topic
while read -r line; do has "$(cat topic.out)" "$line" "topic: $line"; done <<'E'
submitted py-topic/pool True
active ACTIVE py-topic/pool
model kmeans 4000
far -1 True
lives TryAgain 75
goes on 124
canceled 143
state CANCELED
E
wait_for 20 no_jobs
ok $? "topic: no job is left"

# --- functions and an object of a script, run by ranks of a job

cat >mine.py <<'P'
import os

import numpy as np
import pilot_edge as pe


@pe.stage
def plus(rows):
    return rows + 1


class Mean:
    def __init__(self):
        self.n, self.total = 0, 0.0

    def partial_fit(self, x):
        self.n += len(x)
        self.total = self.total + x.sum(axis=0)
        return self

    def score_samples(self, x):
        return -np.abs(x - self.total / self.n).sum(axis=1)


if __name__ == "__main__":
    x = np.random.default_rng(5).normal(size=(4000, 4))
    run = pe.submit("slurm://", source=x, model=Mean, name="py-mine", time="10m",
                    ntasks=1, pipeline_words={"stages": [plus]})
    run.wait(timeout=60)
    print("state", run.state, len(os.listdir(run.path)) > 1)
    run.remove()
    print("removed", os.path.exists(run.path))
    for wrong in (dict(partition="nosuch"), dict(model="kmeanz")):
        try:
            pe.submit("slurm://", **{"source": x, "model": "kmeans", "name":
                                     "py-wrong", "time": "10m", **wrong})
        except pe.PilotError as e:
            print(type(e).__name__, e.exit_code, str(e).splitlines()[-1])
P
python mine
while read -r line; do has "$(cat mine.out)" "$line" "mine: $line"; done <<'E'
state DONE True
removed False
invalid partition specified: nosuch
did you mean 'kmeans'?
E
[ ! -e "$PILOT_HOME/py-wrong" ]
ok $? "mine: nothing is left of what was refused"
[ ! -e "$XDG_CACHE_HOME" ]
ok $? "mine: nothing is kept elsewhere"
wait_for 20 no_jobs
ok $? "mine: no job is left"
end_tests
