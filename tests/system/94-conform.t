#!/bin/bash
# What a provider of machines owes, case by case: the example is tried out, and
# one that makes two of each, forgets the end, and knows no time to live.
. "$(dirname "$0")/lib.sh"

PATH=$PATH:/usr/sbin:/sbin command -v sshd ssh-keygen flock pgrep >/dev/null ||
    skip_rest "needs sshd"
example=$SRC/doc/examples/provider
state=$TEST_DIR/machines
options="state=$state&trial-ttl=1s&settle=1s&boot=20s"

machines() { find "$1" -mindepth 1 -maxdepth 1 -type d 2>/dev/null; }
# Whatever became of the test, no machine stays.
leave() {
    for folder in "$state"/*/ "$state-bad"/*/; do
        [ -s "$folder/id" ] || continue
        PROVIDER_PROVIDER=$example PROVIDER_ID=$(cat "$folder/id") \
            PROVIDER_OPT_STATE=$(dirname "$folder") "$example/down" >/dev/null
    done
}
at_end leave

pilot doctor --conform --resource "exec://$example?$options&max-price=1" \
    >"$TEST_DIR/good" 2>&1 &
good=$!

# --- one that is wrong: each fault is one line, with its reason

bad=$TEST_DIR/bad
cp -r "$example" "$bad"
# Its machines live until they are ended, and the second time is not known.
cat >"$bad/keep" <<'X'
#!/bin/sh
X
cat >"$bad/address" <<'X'
#!/bin/sh
"$(dirname "$0")/real" | sed 's/ "host-key"[^,]*,//'
X
cp "$example/address" "$bad/real"
cat >"$bad/down" <<'X'
#!/bin/bash
. "$PROVIDER_PROVIDER/common"
take_turns
name=$(name_of "$PROVIDER_ID") || say 78 "InvalidInstanceID.NotFound"
end_machine "$name"
echo '{}'
X
chmod 755 "$bad"/*
out=$(pilot doctor --conform \
    --resource "exec://$bad?$options&state=$state-bad&boot=2s" 2>&1 |
    grep '^fix')
has "$out" "down of an unknown machine is no error: $bad/down ended with status \
78: InvalidInstanceID.NotFound" "an end that was not known"
has "$out" 'address tells the key of the machine: `address` has no "host-key"' \
    "a machine without a key"
has "$out" "a machine ends itself after its ttl: with a ttl of 1 s it is there" \
    "a machine that lives on"
is "$(machines "$state-bad")" "" "nothing of it is left"

# --- the one that is right, which was tried meanwhile

wait $good
is $? 0 "the example is ok" || sed 's/^/# /' "$TEST_DIR/good"
is "$(grep -c '^ok ' "$TEST_DIR/good")" 39 "38 cases, and whether it answers"
is "$(machines "$state")" "" "nothing is left"
is "$(pilot doctor --conform --resource local:// 2>&1 | grep '^fix')" \
    "fix     --conform: this host is no provider of machines: there is nothing \
of a site's own to be tried" "what is no provider has nothing to be tried"

end_tests
