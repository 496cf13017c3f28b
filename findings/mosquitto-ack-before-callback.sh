#!/bin/bash
# libmosquitto 2.0.11 (Debian 12): a client with a kept session gets a message of
# QoS 1 and dies inside its on_message callback.  Is it sent again?
#
# Guess: yes, for "at least once" is acknowledged when the callback returns.
#
# Seen: no.  The library writes PUBACK to the socket before it calls on_message,
# so the broker has forgotten the message:
#   plain:    got 1 before it died, 0 again
# With mosquitto_threaded_set() the write is left to the loop, which comes to it
# behind the callback, and the message is there again:
#   threaded: got 1 before it died, 1 again
# Who stores a message in the callback has to ask for the second.
set -eu
dir=$(mktemp -d)
trap 'kill -9 "$broker" 2>/dev/null; rm -rf "$dir"' EXIT
broker=
cd "$dir"
v=2.0.11-1.2+deb12u2
apt-get -q download mosquitto=$v libmosquitto1=$v libmosquitto-dev=$v \
    mosquitto-clients=$v >/dev/null 2>&1
for deb in ./*.deb; do dpkg -x "$deb" root; done
lib=$(dirname "$(find root -name 'libmosquitto.so.1' | head -n 1)")
export LD_LIBRARY_PATH=$dir/$lib PATH=$dir/root/usr/bin:$dir/root/usr/sbin:$PATH
cat >client.c <<'C'
#include <mosquitto.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int got, dies, port;

static void on_connect(struct mosquitto *m, void *arg, int rc)
{
    mosquitto_subscribe(m, NULL, "t", 1);
}

static void on_subscribe(struct mosquitto *m, void *arg, int mid, int n,
                         const int *qos)
{
    if (dies) {
        char command[99];
        snprintf(command, sizeof(command),
                 "mosquitto_pub -p %d -q 1 -t t -m x", port);
        system(command);
    }
}

static void on_message(struct mosquitto *m, void *arg,
                       const struct mosquitto_message *msg)
{
    got++;
    if (dies) {
        printf("%d", got);
        fflush(stdout);
        _exit(0); /* as by kill -9: nothing of ours is sent any more */
    }
}

int main(int argc, char **argv)
{
    struct mosquitto *m;
    time_t end = time(NULL) + (strcmp(argv[2], "dies") ? 3 : 20);

    port = atoi(argv[1]);
    dies = !strcmp(argv[2], "dies");
    mosquitto_lib_init();
    m = mosquitto_new(argv[3], false, NULL); /* its session is kept */
    if (!strcmp(argv[3], "threaded"))
        mosquitto_threaded_set(m, true);
    mosquitto_connect_callback_set(m, on_connect);
    mosquitto_subscribe_callback_set(m, on_subscribe);
    mosquitto_message_callback_set(m, on_message);
    if (mosquitto_connect(m, "127.0.0.1", port, 60))
        return 1;
    while (time(NULL) < end)
        mosquitto_loop(m, 100, 1);
    printf("%d", got);
    return 0;
}
C
cc -Iroot/usr/include -o client client.c "$lib/libmosquitto.so.1"
for port in $(seq 20883 20983); do
    mosquitto -p "$port" >broker.log 2>&1 &
    broker=$!
    sleep 1
    ! kill -0 $broker 2>/dev/null || break
done
for how in plain threaded; do
    first=$(./client "$port" dies "$how")
    again=$(./client "$port" lives "$how")
    echo "$how: got $first before it died, $again again"
done | tee seen
printf '%s\n' "plain: got 1 before it died, 0 again" \
    "threaded: got 1 before it died, 1 again" | cmp - seen
