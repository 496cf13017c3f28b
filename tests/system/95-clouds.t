#!/bin/bash
# The providers that are ours: libvirt by a real virsh, OpenStack by a command
# line that answers as one did, EC2 by the AWS command line against moto.
. "$(dirname "$0")/lib.sh"

# conform URL NAME [TITLE]: all is ok that can be had here, but for TITLE, too.
conform() {
    pilot doctor --conform --resource "$1" >"$TEST_DIR/conform" 2>&1
    is "$(grep -cE '^(ok|fix) ' "$TEST_DIR/conform")" 39 "$2: 38 cases" ||
        sed 's/^/# /' "$TEST_DIR/conform"
    # What nobody plays here: a machine that answers, and that ends itself.
    out=$(grep '^fix' "$TEST_DIR/conform" |
        grep -v -e 'the machine answers over SSH' \
            -e 'ends itself after its ttl' -e "${3:-none}")
    is "$out" "" "$2: all that can be had here is ok"
}
options="settle=1s&boot=5s&trial-ttl=1s"

# verb PROVIDER VERB [NAME=VALUE...]: one executable, told what it would be.
mkdir -p "$TEST_DIR/machine"
verb() {
    program=$SRC/scripts/providers/$1/$2
    shift 2
    (cd "$TEST_DIR/machine" &&
        env PROVIDER_PROVIDER="$(dirname "$program")" PROVIDER_TTL=900 \
            PROVIDER_OWNER=0123abcd PROVIDER_NAME=pilot+r+p+0123abcd \
            PROVIDER_PILOT=r/p PROVIDER_FOLDER="$TEST_DIR/machine" "$@" \
            "$program" 2>"$TEST_DIR/err")
}
none='{"whole": true, "machines": []}'
# life PROVIDER: a machine comes and goes; told what stands in `words`.
life() {
    rm -rf "$TEST_DIR/machine"
    mkdir "$TEST_DIR/machine"
    is "$(verb "$1" list "${words[@]}")" "$none" "$1: no machine" ||
        sed 's/^/# /' "$TEST_DIR/err"
    up=$(verb "$1" up "${words[@]}")
    is "$(verb "$1" up "${words[@]}")" "$up" "$1: up twice is one machine"
    id=$(sed 's/{"id": "\([^"]*\)"}/\1/' <<<"$up")
    is "$(verb "$1" list "${words[@]}")" "{\"whole\": true, \"machines\": \
[{\"id\": \"$id\", \"name\": \"pilot+r+p+0123abcd\", \"state\": \
\"running\"${2:-}}]}" "$1: it is in the list"
    is "$(verb "$1" list "${words[@]}" PROVIDER_OWNER=00000000)" "$none" \
        "$1: and not in that of another home"
    has "$(verb "$1" address "${words[@]}" PROVIDER_ID="$id")" \
        '"host-key": "ssh-ed25519 ' "$1: its key is known"
    has "$(cat "$TEST_DIR/machine/user-data")" '[shutdown, -P, "+15"]' \
        "$1: it ends itself"
    is "$(verb "$1" address "${words[@]}" PROVIDER_ID=nobody)" "{}" \
        "$1: an unknown one has no address"
    is "$(verb "$1" down "${words[@]}" PROVIDER_ID="$id")" "{}" "$1: down"
    is "$(verb "$1" down "${words[@]}" PROVIDER_ID="$id")" "{}" "$1: down again"
    is "$(verb "$1" down "${words[@]}" PROVIDER_ID=nobody)" "{}" \
        "$1: down of nobody"
}

# --- libvirt

# `test:///default` lives in a process: one virsh holds it for all.
virsh_dir=$TEST_DIR/virsh
if virsh=$(command -v virsh); then
    mkdir -p "$virsh_dir/bin" && mkfifo "$virsh_dir/in"
    : >"$virsh_dir/out"
    : >"$virsh_dir/err"
    LC_ALL=C "$virsh" -q -c test:///default <>"$virsh_dir/in" \
        >>"$virsh_dir/out" 2>>"$virsh_dir/err" &
    children="$children $!"
    cat >"$virsh_dir/bin/virsh" <<'X'
#!/bin/bash
exec 9>"$VIRSH_DIR/lock" && flock 9
[ "$1" != -q ] || shift
[ "$1" != -c ] || shift 2
out=$(stat -c %s "$VIRSH_DIR/out") err=$(stat -c %s "$VIRSH_DIR/err")
mark=mark-$$-$RANDOM
printf '%s\necho %s\n' "$*" "$mark" >"$VIRSH_DIR/in"
until grep -q "^$mark" "$VIRSH_DIR/out"; do sleep 0.02; done
tail -c +$((out + 1)) "$VIRSH_DIR/out" | sed 1d | grep -v "$mark"
tail -c +$((err + 1)) "$VIRSH_DIR/err" >&2
! tail -c +$((err + 1)) "$VIRSH_DIR/err" | grep -q '^error: '
X
    chmod 755 "$virsh_dir/bin/virsh"
    cat >"$virsh_dir/one.xml" <<'X'
<domain type='test'>
  <name>@NAME@</name>
  <memory unit='MiB'>64</memory>
  <vcpu>@CPUS@</vcpu>
  <os><type>hvm</type></os>
  <devices>
    <interface type='network'><source network='default'/></interface>
  </devices>
</domain>
X
    export VIRSH_DIR=$virsh_dir
    url="virsh://$virsh_dir/one.xml?connect=test:///default"
    PATH=$virsh_dir/bin:$PATH
    # Its template has no CD of cloud-init, and so it gets no key.
    conform "$url&$options" virsh "tells the key of the machine"
    is "$("$virsh_dir/bin/virsh" list --all --name | grep -c pilot)" 0 \
        "virsh: no domain is left"
    has "$(pilot-submit --resource "virsh:///nowhere?connect=test:///default" \
        -n 1 -t 10 --run virsh-bad --set pilots.pool.same-host=yes \
        "$SRC/jobs/pool.yaml" 2>&1)" "there is no template /nowhere" \
        "virsh: a template that is not there"
else
    ok 0 "virsh # SKIP needs libvirt-clients"
fi

# --- OpenStack

# Its words are those of python-openstackclient 6.0.
stack=$TEST_DIR/openstack
mkdir -p "$stack"
cat >"$stack/openstack" <<'X'
#!/bin/bash
dir=$(dirname "$0")
exec 9>"$dir/lock" && flock 9
shift 2 # --os-cloud CLOUD
touch "$dir/servers"
[ ! -e "$dir/says" ] || {
    cat "$dir/says" >&2
    exit 1
}
last=${*: -1}
case "$1 $2" in
"server list") cat "$dir/servers" ;;
"server create")
    n=$(($(cat "$dir/n" 2>/dev/null || echo 0) + 1))
    echo $n >"$dir/n"
    id=$(printf '5f1e39a4-0b7c-4c1c-9b5a-%012d' $n)
    echo "$id $last ACTIVE None" >>"$dir/servers"
    printf '%s\n' "$id"
    ;;
"server show")
    grep -q "^$3 " "$dir/servers" || {
        echo "No server with a name or ID of '$3' exists." >&2
        exit 1
    }
    echo "{'private': ['10.0.0.$((10#${3##*-} % 250))', '172.24.4.$((10#${3##*-} % 250))']}"
    ;;
"server delete")
    grep -q "^$last " "$dir/servers" || {
        echo "No server with a name or ID of '$last' exists." >&2
        exit 1
    }
    sed -i "/^$last /d" "$dir/servers"
    ;;
esac
X
chmod 755 "$stack/openstack"
PATH=$stack:$PATH
url="openstack://site/m1.small?image=debian-12"
words=(PROVIDER_TARGET=site/m1.small PROVIDER_OPT_IMAGE=debian-12)
life openstack
is "$(cat "$stack/servers")" "" "openstack: no server is left"
# refusal WORDS STATUS: what it says is an error of that status.
refusal() {
    echo "$1" >"$stack/says"
    pilot-submit --resource "$url" -n 1 -t 10 --run stack-bad \
        --set pilots.pool.same-host=yes "$SRC/jobs/pool.yaml" \
        >"$TEST_DIR/out" 2>&1
    is $? "$2" "openstack: $1" || sed 's/^/# /' "$TEST_DIR/out"
    has "$(cat "$TEST_DIR/out")" "$1" "... is said"
    rm "$stack/says"
}
refusal "Quota exceeded for instances: Requested 1, but already used 10 of 10 \
instances (HTTP 403) (Request-ID: req-2)" 75
refusal "The request you have made requires authentication. (HTTP 401)" 77
refusal "Unable to establish connection to http://site:5000" 69
has "$(pilot doctor --conform --resource "openstack://site/m?image=x&flavour=y")" \
    "there is no option flavour: it is one of image network" \
    "openstack: an option that is none"

# --- EC2

moto=$(command -v moto_server || :)
port=$((26000 + RANDOM % 2000))
moto_answers() { (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; }
if [ -z "$moto" ] || ! command -v aws >/dev/null; then
    ok 0 "ec2 # SKIP needs aws and moto_server (pip install 'moto[server]')"
    end_tests
fi
"$moto" -H 127.0.0.1 -p $port >"$TEST_DIR/moto.log" 2>&1 </dev/null &
children="$children $!"
if ! wait_for 30 moto_answers; then
    ok 0 "ec2 # SKIP moto_server does not start here"
    end_tests
fi
export AWS_ACCESS_KEY_ID=a AWS_SECRET_ACCESS_KEY=b HOME=$TEST_DIR
export PILOT_SCHEDULER_TIMEOUT=60
endpoint=http://127.0.0.1:$port
url="ec2://us-east-1/t3.micro?image=ami-12c6146b&endpoint=$endpoint"

words=(PROVIDER_TARGET=us-east-1/t3.micro PROVIDER_OPT_IMAGE=ami-12c6146b
    PROVIDER_OPT_ENDPOINT="$endpoint" PROVIDER_OPT_MARKET=spot)
life ec2 ', "reason": ""'
has "$(verb ec2 list "${words[@]}")" '"state": "gone", "reason": "User init' \
    "ec2: it is gone"
verb ec2 up "${words[@]}" PROVIDER_TARGET=us-east-1 >/dev/null
is $? 78 "ec2: a URL without a type"
verb ec2 list "${words[@]}" PROVIDER_OPT_ENDPOINT=http://127.0.0.1:1 >/dev/null
is $? 69 "ec2: nobody answers"
verb ec2 list "${words[@]}" AWS_ACCESS_KEY_ID= AWS_SECRET_ACCESS_KEY= \
    AWS_EC2_METADATA_DISABLED=true >/dev/null
is $? 77 "ec2: no credentials" || sed 's/^/# /' "$TEST_DIR/err"
echo "t3.micro 0.0104" >"$TEST_DIR/prices"
out=$(pilot-submit --resource "$url&prices=$TEST_DIR/prices&max-price=0.01" \
    -n 1 -t 10 --run ec2-dear --set pilots.pool.same-host=yes \
    "$SRC/jobs/pool.yaml" 2>&1)
has "$out" "costs 0.0104 an hour, and max-price is 0.01: nothing was started" \
    "ec2: a cap on the price"
end_tests
