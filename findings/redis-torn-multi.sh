#!/bin/bash
# Redis 7.0.15 (Debian 12): a torn append-only file, and what is acknowledged
# after it.
#
# Guess: with aof-load-truncated (the default) a server that died while it
# wrote cuts the torn tail off at its next start, and whatever it acknowledges
# from then on is as safe as ever.
#
# Seen: a Lua script (or MULTI) that writes twice stands between MULTI and EXEC
# in the file.  Torn inside of it, the file is cut behind the last whole
# command, so that the MULTI stays, open, and new writes are appended behind it.
# The next start takes them all for the unfinished transaction and drops them:
#   acknowledged after the first start: OK
#   k = before   after the second
# And where an EXEC comes after all, with another script, the dead script's
# first write runs with it:
#   a = '1'      although the only one who set it was never answered
# With one write in the script there is no MULTI, and nothing of this happens.
set -eu
dir=$(mktemp -d)
trap 'kill -9 "$(cat "$dir/pid" 2>/dev/null)" 2>/dev/null; rm -rf "$dir"' EXIT
cd "$dir"
apt-get -q download redis-server=5:7.0.15-1~deb12u10 \
    redis-tools=5:7.0.15-1~deb12u10 >/dev/null 2>&1
for deb in ./*.deb; do dpkg -x "$deb" root; done
PATH=$dir/root/usr/bin:$PATH
redis-server --version | grep -o 'v=[0-9.]*'

up() {
    redis-server --port 0 --unixsocket "$dir/s" --dir "$dir" --save "" \
        --appendonly yes --appendfsync always --daemonize yes \
        --pidfile "$dir/pid" --logfile "$dir/log" >/dev/null
    for _ in $(seq 100); do
        [ "$(redis-cli -s "$dir/s" PING 2>/dev/null)" = PONG ] && return
        sleep 0.05
    done
}
die() { kill -9 "$(cat "$dir/pid")"; sleep 0.3; }
cli() { redis-cli -s "$dir/s" "$@"; }
two="redis.call('SET', 'a', 1) redis.call('SET', 'b', 2)"

up
cli SET k before >/dev/null
cli EVAL "$two" 0 >/dev/null
die
aof=$(ls "$dir"/appendonlydir/*.incr.aof)
truncate -s -20 "$aof" # torn in its second SET, or before its EXEC
cp "$aof" "$dir/torn"
up
cli SET k acknowledged
die && up
echo "k = $(cli GET k)"
[ "$(cli GET k)" = before ] # not what was acknowledged
die && cp "$dir/torn" "$aof" && up
echo "a = '$(cli GET a)' after the first start"
[ -z "$(cli GET a)" ]
cli EVAL "redis.call('SET', 'c', 3) redis.call('SET', 'd', 4)" 0 >/dev/null
die && up
echo "a = '$(cli GET a)' after the second"
[ "$(cli GET a)" = 1 ]
