#!/bin/bash
# libmosquitto 2.0.11 (Debian 12): a client with a kept session gets a message of
# QoS 1 and dies inside its on_message callback.  Is it sent again?
#
# Guess: yes, for "at least once" is acknowledged when the callback returns.
#
# Seen: no.  PUBACK is on the socket before on_message is called, so the broker
# has forgotten the message.  With mosquitto_threaded_set() the write is left to
# the loop, which comes to it behind the callback, and the message comes again:
#   plain: 0 again
#   threaded: 1 again
# Who stores a message in the callback has to ask for the second.
set -eu
dir=$(mktemp -d)
broker=
trap 'kill -9 $broker 2>/dev/null; rm -rf "$dir"' EXIT
cd "$dir"
v=2.0.11-1.2+deb12u2
apt-get -q download mosquitto=$v libmosquitto1=$v libmosquitto-dev=$v \
    mosquitto-clients=$v >/dev/null 2>&1
for deb in ./*.deb; do dpkg -x "$deb" root; done
lib=$(dirname "$(find root -name libmosquitto.so.1)")
export LD_LIBRARY_PATH=$dir/$lib PATH=$dir/root/usr/bin:$dir/root/usr/sbin:$PATH
cat >dies.c <<'C'
#include <mosquitto.h>
#include <stdlib.h>
#include <unistd.h>

static void on_message(struct mosquitto *m, void *arg,
                       const struct mosquitto_message *msg)
{
    _exit(9); /* as by kill -9: nothing of ours is sent any more */
}

int main(int argc, char **argv) /* PORT ID THREADED */
{
    mosquitto_lib_init();
    struct mosquitto *m = mosquitto_new(argv[2], false, NULL);
    mosquitto_threaded_set(m, atoi(argv[3]));
    mosquitto_message_callback_set(m, on_message);
    mosquitto_connect(m, "127.0.0.1", atoi(argv[1]), 60);
    while (mosquitto_loop(m, 20000, 1) == 0) { }
    return 1;
}
C
cc -Iroot/usr/include -o dies dies.c "$lib/libmosquitto.so.1"
port=$((20000 + $$ % 10000))
mosquitto -p "$port" >broker.log 2>&1 &
broker=$!
for how in plain:0 threaded:1; do
    sub=(mosquitto_sub -p "$port" -i "${how%:*}" -c -q 1 -t "${how%:*}")
    until "${sub[@]}" -E 2>/dev/null; do kill -0 $broker; done
    mosquitto_pub -p "$port" -q 1 -t "${how%:*}" -m x
    ./dies "$port" "${how%:*}" "${how#*:}" || [ $? -eq 9 ]
    echo "${how%:*}: $("${sub[@]}" -W 3 2>/dev/null | wc -l) again"
done | tee seen
printf 'plain: 0 again\nthreaded: 1 again\n' | cmp - seen
