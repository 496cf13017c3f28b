#!/bin/bash
# Redis 7.0.15 (Debian 12): is a Lua script with one write and one PUBLISH put
# between MULTI and EXEC in the append-only file?
#
# Guess: never, for PUBLISH is no write and is not in that file; or always, for
# a script with two commands that propagate is a transaction.
#
# Seen: it depends on whether a replica is attached, or was since the start.
#   alone         SET                                 (no MULTI)
#   with replica  MULTI SET EXEC, and PUBLISH is still not in the file
#   afterwards    MULTI SET EXEC: the backlog for replicas stays
# So a server that gets its first replica changes what its file looks like, and
# what a torn end of it does at the next start (see redis-torn-multi.sh).
set -eu
dir=$(mktemp -d)
trap 'kill -9 "$(cat "$dir/pid" 2>/dev/null)" 2>/dev/null; rm -rf "$dir"' EXIT
cd "$dir"
apt-get -q download redis-server=5:7.0.15-1~deb12u10 \
    redis-tools=5:7.0.15-1~deb12u10 >/dev/null 2>&1
for deb in ./*.deb; do dpkg -x "$deb" root; done
PATH=$dir/root/usr/bin:$PATH
redis-server --version | grep -o 'v=[0-9.]*'
redis-server --port 0 --unixsocket "$dir/s" --dir "$dir" --save "" \
    --appendonly yes --appendfsync always --daemonize yes \
    --pidfile "$dir/pid" --logfile "$dir/log" >/dev/null
cli() { redis-cli -s "$dir/s" "$@"; }
for _ in $(seq 100); do
    [ "$(cli PING 2>/dev/null)" = PONG ] && break
    sleep 0.05
done
aof=$(ls "$dir"/appendonlydir/*.incr.aof)

# What the script adds to the file: names of commands.
added() {
    from=$(stat -c %s "$aof")
    cli EVAL "redis.call('SET', 'k', 1) redis.call('PUBLISH', 'c', 'x')" 0 \
        >/dev/null
    tail -c +$((from + 1)) "$aof" | tr '\r\n' '  ' |
        grep -oE 'MULTI|SET|PUBLISH|EXEC' | tr '\n' ' '
}

added >/dev/null && alone=$(added) # the first one may be behind a SELECT
echo "alone: $alone"
cli --replica >/dev/null 2>&1 &
replica=$!
for _ in $(seq 100); do
    cli INFO replication | grep -q 'state=online' && break
    sleep 0.1
done
with=$(added)
echo "with a replica: $with"
kill "$replica"
wait "$replica" 2>/dev/null || true
for _ in $(seq 100); do
    cli INFO replication | grep -q 'connected_slaves:0' && break
    sleep 0.1
done
after=$(added)
echo "without it again: $after"
[ "$alone/$with/$after" = "SET /MULTI SET EXEC /MULTI SET EXEC " ]
