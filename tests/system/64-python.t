#!/bin/bash
# Python: its own tests; a run of the command line and one of Python that give
# the same model; an object that one rank holds, killed and put together again;
# what users get wrong.
. "$(dirname "$0")/lib.sh"

PY=${PILOT_TEST_PYTHON:-/usr/bin/python3}
"$PY" -c 'import numpy' 2>/dev/null ||
    skip_rest "$PY has no NumPy: scripts/bootstrap --check"
export PYTHONPATH="$SRC/python" PYTHONDONTWRITEBYTECODE=1
export PILOT_COMMAND="$BUILD/pilot" XDG_CACHE_HOME="$TEST_DIR/cache"
cd "$TEST_DIR" || exit 1

(cd "$SRC/python/tests" && "$PY" -m unittest discover -s . -t .) >unit.out 2>&1
is $? 0 "its own tests" || sed 's/^/# /' unit.out

# --- without services: five lines, files, names, errors ---

cat >five.py <<'P'
import os

import numpy as np
import pilot_edge as pe

rng = np.random.default_rng(3)
x = rng.normal(size=(4000, 4))
x[123] = 40


@pe.stage
def plus(rows):
    print("a word that is no frame")
    return rows + 1


def say(*words):
    print(*words, flush=True)


if __name__ == "__main__":
    for model in (pe.kmeans(clusters=3), "iforest", "autoencoder"):
        run = pe.run(source=x, model=model)
        top = run.results().outliers
        far = np.nanmax(np.abs(run.model.scores(x) - run.results().scores))
        say(run.model.kind, run.state, top.rows[0], far < 1e-4)
    run = pe.run(source=x, stages=[plus], model="audit", name="py-plus")
    say(run.summary["exactly_once"], run.summary["blocks"]["applied"])
    for wrong in (dict(model=pe.kmeans(clusterz=3)), dict(model="kmeanz"),
                  dict(source="nothing.csv", model="kmeans")):
        try:
            pe.run(**{"source": x, **wrong})
        except pe.PilotError as e:
            say(type(e).__name__, e.exit_code, str(e).splitlines()[0])
    kept = os.path.join(run.path, ".python", "source.npy")
    before = open(kept, "rb").read()
    for again in (dict(name="py-plus"), dict(name="py/plus"), dict(points=0)):
        try:
            pe.run(**{"source": x + 9, "model": "kmeans", **again})
        except pe.PilotError as e:
            say(type(e).__name__, e.exit_code, str(e).splitlines()[-1])
    say("as it was", open(kept, "rb").read() == before)
    later = pe.pipeline(x, "audit", stages=[plus])
    run = pe.run(later, name="py-later", wait=False)
    run.wait()
    say("later", run.summary["blocks"]["applied"], [
        n for n in os.listdir(run.path) if n.startswith(".")])
    there = [os.path.join(pe.Run("").path, r.name) for r in pe.runs()]
    for r in pe.runs():
        r.remove()
    say("runs", len(there), "left", os.listdir(pe.Run("").path),
        [p for p in there if os.path.exists(p)])
P
"$PY" five.py >five.out 2>five.err
is $? 0 "five lines" || sed 's/^/# /' five.err five.out
for kind in kmeans iforest autoencoder; do
    has "$(cat five.out)" "$kind DONE 123 True" \
        "five lines: $kind, its outlier, its scores in NumPy"
done
has "$(cat five.out)" "off 4" "five lines: a stage that prints"
has "$(cat five.out)" "did you mean 'clusters'?" "an option that is not there"
has "$(cat five.out)" "did you mean 'kmeans'?" "a model that is not there"
has "$(cat five.out)" "nothing.csv" "a file that is not there"
has "$(cat five.out)" "CannotCreate 73 run py-plus is there already" \
    "a run that is there"
has "$(cat five.out)" "'py/plus' is no name of a run" "no name of a run"
has "$(cat five.out)" "as it was True" "... and what it reads stays"
has "$(cat five.out)" "later 4 ['.python']" \
    "a pipeline that is run later: what it reads is with the run"
has "$(cat five.out)" "runs 5 left [] []" \
    "what was kept goes with the run, and is not there where none began"
[ ! -e "$XDG_CACHE_HOME" ]
ok $? "nothing is kept elsewhere"

# A Python that finds no package of the system.
cat >bare.yaml <<Y
version: 1
pipeline: bare
pilots: {pool: {kind: pool, ntasks: 1}}
stages:
  sense: {pilot: pool, function: generator, block: {points: 10}, options: {features: 2, blocks: 4}}
  same: {pilot: pool, function: exec, options: {command: "$PY -S -m pilot_edge stage x:y"}}
  learn: {pilot: pool, function: passthrough}
results: off
Y
out=$(pilot run bare.yaml --run py-bare 2>&1)
is $? 65 "a Python without NumPy" || printf '%s\n' "$out" | sed 's/^/# /'
has "$out" "pilot_edge needs NumPy, and " "... is told so"

# --- one pipeline, by the command line and by Python ---

cat >same.yaml <<Y
version: 1
pipeline: same
pilots:
  devices: {kind: edge, devices: 1}
  broker: {kind: broker}
  params: {kind: params}
  pool: {kind: pool, ntasks: 1}
stages:
  sense:
    pilot: devices
    function: generator
    block: {points: 500}
    options: {features: 4, blocks: 40}
  learn: {pilot: pool, function: kmeans, options: {clusters: 5}}
epoch: {blocks: 8}
results: topic
Y
pilot run same.yaml --run py-cli --no-final >cli.out 2>&1
is $? 0 "the same: by the command line" || sed 's/^/# /' cli.out
"$PY" - >py.out 2>&1 <<'P'
import pilot_edge as pe
pe.run(source=pe.generator(features=4, blocks=40), points=500, devices=1,
       model=pe.kmeans(clusters=5), epoch={"blocks": 8}, results=True,
       name="py-same", no_final=True)
P
is $? 0 "the same: by Python" || sed 's/^/# /' py.out
# The commits have ids of their own; all else is the same.
cat >parts.py <<'P'
import hashlib
import sys
from pilot_edge.model import read_tensors
meta, tensors = read_tensors(sys.argv[1])
meta.pop("commit")
print(hashlib.sha256(repr((sorted(meta.items()), sorted(
    (k, v.tobytes()) for k, v in tensors.items()))).encode()).hexdigest())
P
for run in py-cli py-same; do
    pilot model get $run $run.model >get.out 2>&1 || sed 's/^/# /' get.out
done
is "$("$PY" parts.py py-same.model)" "$("$PY" parts.py py-cli.model)" \
    "the same: model"

# --- an object that one rank holds ---

# object RUN NAME [SET...]: a run that learns it from 60 blocks
object() {
    local run=$1 name=$2
    shift 2
    pilot run same.yaml --run "$run" --no-final --summary "$run.json" \
        --set stages.sense.options.blocks=60 \
        --set pilots.pool.ntasks=2 --set streams.sense.partitions=1 \
        --set stages.learn.function=python \
        --set stages.learn.options="{object: 'objects.py:$name', folder: $SRC/python/tests, python: $PY}" \
        "$@" >"$run.out" 2>&1
}
object py-object Slow
is $? 0 "object: a run" || sed 's/^/# /' py-object.out
is "$(get py-object.json points) $(get py-object.json refused)" "30000 0" \
    "object: all is learned"

learner() { # pids of our programs
    local pid
    for pid in $(pgrep -f 'pilot_edge learner objects.py:Slow'); do
        ! tr '\0' '\n' <"/proc/$pid/environ" 2>/dev/null |
            grep -q "^PILOT_AGENT=$PILOT_HOME/" || echo "$pid"
    done
}
# shellcheck disable=SC2317
killed() { # called by wait_for
    local pid
    pid=$(learner | head -n 1)
    [ -n "$pid" ] && kill -KILL "$pid"
}
object py-killed Slow &
pid=$!
children="$children $pid"
wait_for 60 applied py-killed 8
ok $? "killed: it learns"
wait_for 20 killed
ok $? "killed: the program, in the middle of an epoch"
wait_for 60 applied py-killed 24
ok $? "killed: it goes on"
agent=$(pgrep -f "pilot-agent.*py-killed" | head -n 1)
[ -n "$agent" ] && kill -KILL "$agent"
ok $? "killed: a rank"
wait $pid
is $? 0 "killed: the run is done" || sed 's/^/# /' py-killed.out
for run in py-object py-killed; do
    pilot model get $run $run.model >get.out 2>&1 || sed 's/^/# /' get.out
done
is "$("$PY" parts.py py-killed.model)" "$("$PY" parts.py py-object.model)" \
    "killed: the same model as without, each block once"
is "$(learner)" "" "killed: no program is left"

object py-picky Picky
is $? 65 "picky: exit status" || sed 's/^/# /' py-picky.out
refused=$(get py-picky.json refused)
[ "${refused:-0}" -gt 0 ] && [ "$refused" -lt 60 ]
ok $? "picky: $refused blocks are refused, in the middle of learning"
pilot model get py-picky py-picky.model >get.out 2>&1 || sed 's/^/# /' get.out
is "$(PYTHONPATH="$PYTHONPATH:$SRC/python/tests" "$PY" -c "import pilot_edge as pe
print(pe.load_model('py-picky.model').object.n)" 2>&1)" \
    "$(((60 - refused) * 500))" "picky: nothing of them is in the object"
has "$(cat py-picky.out)" "ValueError: no such block" "picky: why"

object py-fitted Fitted
is $? 78 "no partial_fit: exit status" || sed 's/^/# /' py-fitted.out
has "$(cat py-fitted.out)" "TypeError: Fitted has no partial_fit" \
    "no partial_fit: why"
! object py-huge Huge
ok $? "2 GB: exit status"
has "$(cat py-huge.out)" "Huge pickled is more than the 67,108,864 bytes" \
    "2 GB: why"

for set in epoch.interval=1s streams.sense.partitions=2; do
    object py-wrong Gauss --set epoch.blocks= --set "$set"
    is $? 78 "$set: exit status"
    has "$(cat py-wrong.out)" "stage 'learn'" "$set: why"
done

end_tests
