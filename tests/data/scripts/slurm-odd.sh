#!/bin/bash
#SBATCH --job-name=run-1a2b.pool
#
# Pilot run-1a2b/pool (pool): 1 rank x 1 thread.
# It also runs by hand: bash job.sh

set -u

# The pilot gets every signal: the shell waits, and wakes up for each.
pilot='' early='' ending=''
forward() {
    case $1 in TERM | INT) ending=yes ;; esac
    if [ -n "$pilot" ]; then
        woken=yes
        kill -s "$1" "$pilot" 2>/dev/null
    else
        early="$early $1"
    fi
}
for sig in TERM INT USR1 USR2 XCPU; do
    trap "forward $sig" "$sig"
done

PILOT_DIR='/home/me/it'\''s "here" $(touch x)'
export PILOT_DIR
exec >>"$PILOT_DIR/out" 2>>"$PILOT_DIR/err" || exit 73
cd -- /home/me/work || exit 73

# Threads of a rank: as asked for, whatever the scheduler has set.
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 NCPUS=1

start() {
    told=$early
    PILOT_EARLY=$told /usr/libexec/pilot-supervise "$PILOT_DIR" &
    born=$!
    for _ in {1..100}; do
        [ "/proc/$born/exe" -ef "/proc/$$/exe" ] || break
        sleep 0.01
    done
    pilot=$born
    for sig in ${early#"$told"}; do
        kill -s "$sig" "$pilot" 2>/dev/null
    done
}

# One that is killed is started again, unless the job is being ended; so
# is one that a warning met before it could hear it: the next is told.
starts=1
start
while :; do
    woken=''
    wait "$pilot"
    status=$?
    [ -z "$woken" ] || continue
    pilot='' early=''
    [ "$status" -gt 128 ] && [ "$starts" -lt 3 ] || exit "$status"
    sig=$(kill -l "$status")
    case $sig in
    KILL)
        [ -z "$ending" ] || exit "$status"
        echo "the supervisor was killed; it is started again" >&2
        ;;
    USR1 | USR2 | XCPU) early="$sig $early" ;;
    *) exit "$status" ;;
    esac
    starts=$((starts + 1))
    start
done
