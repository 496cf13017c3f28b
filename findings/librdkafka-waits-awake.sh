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
import ctypes
import glob
import time

k = ctypes.CDLL(glob.glob(
    "venv/lib/*/site-packages/confluent_kafka.libs/librdkafka-*")[0])
P, N = ctypes.c_void_p, ctypes.c_size_t
for name in "conf_new", "new", "mock_cluster_new", "topic_new":
    getattr(k, "rd_kafka_" + name).restype = P
for name in "version_str", "mock_cluster_bootstraps":
    getattr(k, "rd_kafka_" + name).restype = ctypes.c_char_p
words = ctypes.create_string_buffer(512)


def client(**settings):
    conf = P(k.rd_kafka_conf_new())
    k.rd_kafka_conf_set(conf, b"log_level", b"0", words, N(512))
    for name, value in settings.items():
        assert k.rd_kafka_conf_set(conf, name.replace("_", ".").encode(),
                                   value.encode(), words, N(512)) == 0, words.value
    return P(k.rd_kafka_new(0, conf, words, N(512)))


def share(idempotent, records):
    """Of a core, while no record that is sent is answered for 2 s."""
    owner = client()
    broker = P(k.rd_kafka_mock_cluster_new(owner, 1))
    k.rd_kafka_mock_topic_create(broker, b"t", 1, 1)
    at = k.rd_kafka_mock_cluster_bootstraps(broker).decode()
    c = client(bootstrap_servers=at, enable_idempotence=idempotent,
               linger_ms="0", max_in_flight_requests_per_connection="5")
    topic = P(k.rd_kafka_topic_new(c, b"t", None))
    for i in range(records + 1):
        assert k.rd_kafka_produce(topic, 0, 2, b"x" * 100, N(100), None, N(0),
                                  None) == 0
        if i > 0:
            time.sleep(0.005)  # a request for each
            continue
        assert k.rd_kafka_flush(c, 20000) == 0  # connected
        k.rd_kafka_mock_broker_set_rtt(broker, 1, 2000)
    time.sleep(0.2)
    cpu = time.process_time()
    time.sleep(1)
    cpu = time.process_time() - cpu
    k.rd_kafka_mock_broker_set_rtt(broker, 1, 0)
    assert k.rd_kafka_flush(c, 30000) == 0
    k.rd_kafka_topic_destroy(topic)
    k.rd_kafka_destroy(c)
    k.rd_kafka_mock_cluster_destroy(broker)
    k.rd_kafka_destroy(owner)
    return cpu


print("librdkafka", k.rd_kafka_version_str().decode())
no, five, six = share("false", 50), share("true", 5), share("true", 6)
print("not idempotent, 50 records   %.2f" % no)
print("idempotent, 5 records        %.2f" % five)
print("idempotent, 6 records        %.2f" % six)
assert no < 0.05 and five < 0.05 and six > 0.1
P
venv/bin/python share.py
