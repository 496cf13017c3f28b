/* publish.c - a device that speaks MQTT, or pushes by ZeroMQ.
 *
 * usage: publish mqtt PORT TOPIC BOOT FROM TO: messages FROM to TO - 1,
 * "N,2,3", numbered by user properties pe_boot and pe_seq; back when the broker
 *        has acknowledged all of them
 *        publish zmq ADDRESS FROM TO: two parts each, {"frame": N} and "N,2,3"
 */
#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

static int waiting;

static void on_publish(struct mosquitto *m, void *arg, int mid)
{
    (void)m;
    (void)arg;
    (void)mid;
    waiting--;
}

static int send_one(struct mosquitto *m, char **argv, int i)
{
    mosquitto_property *props = NULL;
    char text[64], number[16];

    snprintf(text, sizeof(text), "%d,2,3", i);
    snprintf(number, sizeof(number), "%d", i);
    mosquitto_property_add_string_pair(&props, MQTT_PROP_USER_PROPERTY,
                                       "pe_boot", argv[4]);
    mosquitto_property_add_string_pair(&props, MQTT_PROP_USER_PROPERTY,
                                       "pe_seq", number);
    waiting++;
    i = mosquitto_publish_v5(m, NULL, argv[3], (int)strlen(text), text, 1,
                             false, props);
    mosquitto_property_free_all(&props);
    return i;
}

static int by_mqtt(char **argv)
{
    struct mosquitto *m;
    int rc, to = atoi(argv[6]);

    mosquitto_lib_init();
    m = mosquitto_new(NULL, true, NULL);
    mosquitto_int_option(m, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5);
    mosquitto_publish_callback_set(m, on_publish);
    rc = mosquitto_connect(m, "127.0.0.1", atoi(argv[2]), 30);
    for (int i = atoi(argv[5]); rc == MOSQ_ERR_SUCCESS && i < to; i++) {
        rc = send_one(m, argv, i);
        while (rc == MOSQ_ERR_SUCCESS && waiting > 10)
            rc = mosquitto_loop(m, 100, 1);
    }
    while (rc == MOSQ_ERR_SUCCESS && waiting > 0)
        rc = mosquitto_loop(m, 100, 1);
    mosquitto_disconnect(m);
    mosquitto_destroy(m);
    mosquitto_lib_cleanup();
    return rc != MOSQ_ERR_SUCCESS;
}

static int by_zmq(char **argv)
{
    void *context = zmq_ctx_new(), *s = zmq_socket(context, ZMQ_PUSH);
    int to = atoi(argv[4]), rc = zmq_connect(s, argv[2]);
    char text[64];

    for (int i = atoi(argv[3]); rc >= 0 && i < to; i++) {
        snprintf(text, sizeof(text), "{\"frame\": %d}", i);
        rc = zmq_send(s, text, strlen(text), ZMQ_SNDMORE);
        snprintf(text, sizeof(text), "%d,2,3", i);
        if (rc >= 0)
            rc = zmq_send(s, text, strlen(text), 0);
    }
    zmq_close(s);
    zmq_ctx_term(context); /* when all of it is gone */
    return rc < 0;
}

int main(int argc, char **argv)
{
    if (argc == 7 && !strcmp(argv[1], "mqtt"))
        return by_mqtt(argv);
    if (argc == 5 && !strcmp(argv[1], "zmq"))
        return by_zmq(argv);
    fprintf(stderr, "usage: see the head of publish.c\n");
    return 64;
}
