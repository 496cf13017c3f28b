#!/bin/bash
# librdkafka 2.16.0 (wheel of confluent-kafka 2.16.1; Debian 12's 2.0.2 is
# alike): what does a producer cost whose records wait for a slow broker?
#
# Guess: nothing, idempotent or not: five requests are on their way, and its
# thread sleeps until the first is answered.
#
# Seen: so it is without idempotence, and with it for five records of a
# partition.  With a sixth, and linger.ms 0, its thread goes round without a
# pause until the broker has answered: CPU of a core that is free
#   not idempotent, 50 records   0.00
#   idempotent, 5 records        0.00
#   idempotent, 6 records        0.95
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT && cd "$dir"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check confluent-kafka==2.16.1
cat >share.py <<'P'
import time

import confluent_kafka as ck


def share(idempotent, records):
    """Of a core, while no record that is sent is answered for 2 s."""
    p = ck.Producer({"test.mock.num.brokers": 1, "test.mock.broker.rtt": 2000,
                     "enable.idempotence": idempotent, "linger.ms": 0,
                     "max.in.flight.requests.per.connection": 5})
    p.produce("t", b"x" * 100, partition=0)
    assert p.flush(60) == 0  # connected
    for _ in range(records):
        p.produce("t", b"x" * 100, partition=0)
        time.sleep(0.005)  # a request for each
    time.sleep(0.2)
    cpu = time.process_time()
    time.sleep(1)
    cpu = time.process_time() - cpu
    assert p.flush(60) == 0
    return cpu


print("librdkafka", ck.libversion()[0])
no, five, six = share(False, 50), share(True, 5), share(True, 6)
print("not idempotent, 50 records   %.2f" % no)
print("idempotent, 5 records        %.2f" % five)
print("idempotent, 6 records        %.2f" % six)
assert no < 0.05 and five < 0.05 and six > 0.1
P
venv/bin/python share.py
