#!/bin/bash
# Through a login node: a broker and a Redis that only it can reach.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/far.sh"

VIA=$BUILD/tests/system/via

far_open || skip_rest "needs root, network namespaces and sshd"
far_services
ok $? "services in a network of their own" || exit 1

# via ARGUMENTS...: the program, with the keys and the password of there.
via() {
    env HOME="$FAR_HOME" PILOT_PASSWORD_FILE="$FAR_PASSWORD_FILE" \
        "$VIA" "$@" 2>&1 </dev/null
}

out=$(via - "$FAR_BROKER" "$FAR_PARAMS")
is $? 69 "without the login node they are not reached"
has "$out" "cannot be reached" "and that is said"

out=$(via "$FAR_URL" "$FAR_BROKER" "$FAR_PARAMS")
is $? 0 "through the login node they are" || printf '%s\n' "$out" | sed 's/^/# /'
has "$out" "broker: 2 partitions, offsets 0 to 3, 3 records read" \
    "topic, records, offsets"
has "$out" "params: word 'drain', value of 3145728 bytes as it was" \
    "words and values"

# A site may as well open a port of it.
opened=$(far_forward "${FAR_PARAMS##*:}")
ok $? "a port of the login node that leads to Redis"
is "$(redis-cli -h "${opened%:*}" -p "${opened#*:}" PING 2>&1)" \
    "NOAUTH Authentication required." "Redis answers there"

# What the login node cannot do is said as well.
out=$(via "$FAR_URL" no-such-name.cluster:9092 "$FAR_PARAMS")
is $? 69 "a broker that the login node does not know"
has "$out" "no-such-name.cluster port 9092 cannot be reached from $FAR_ADDRESS" \
    "who does not know it"
out=$(via "ssh://nobody@$FAR_ADDRESS:$FAR_PORT" "$FAR_BROKER" "$FAR_PARAMS")
is $? 77 "a user that the login node does not let in"
has "$out" "accepts no key of user nobody" "and who that was"

far_kill_sshd
out=$(via "$FAR_URL" "$FAR_BROKER" "$FAR_PARAMS")
is $? 69 "a login node that is away"
has "$out" "cannot be reached: Connection refused" "and why"
far_sshd
out=$(via "$FAR_URL" "$FAR_BROKER" "$FAR_PARAMS")
is $? 0 "and comes back" || printf '%s\n' "$out" | sed 's/^/# /'
has "$out" "offsets 0 to 6, 3 records read" "with all that was there"

far_close
is "$(ip netns list | grep -c "^$FAR_NS")" 0 "no namespace left"
[ ! -e "/etc/netns/$FAR_NS" ]
ok $? "no file of it left"

end_tests
