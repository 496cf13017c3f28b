#!/bin/bash
# pilot report and pilot serve: a run that goes on, with a device that nobody
# can break a page by, is shown; it is killed, and shown; then it is over.
. "$(dirname "$0")/lib.sh"

cat >"$TEST_DIR/p.yaml" <<'Y'
version: 1
pipeline: seen
pilots:
  devices: {kind: edge, devices: 2}
  broker: {kind: broker}
  params: {kind: params}
  pool: {kind: pool, ntasks: 2}
stages:
  sense: {pilot: devices, function: generator, block: {points: 20, rate: 50}, options: {features: 3, blocks: 100000}}
  learn: {pilot: pool, function: kmeans, options: {clusters: 3}}
streams: {sense: {partitions: 2}}
epoch: {interval: 100ms}
Y
cd "$TEST_DIR" || exit 1
pilot run p.yaml --run seen --trace --no-final >run.out 2>&1 &
run_pid=$!
children=$run_pid
wait_for 30 applied seen 50

# member PATH <JSON: "report.series.from", "-" where there is none.
member() {
    perl -MJSON::PP -e '
        my $o = decode_json(join("", <STDIN>));
        for (split /\./, $ARGV[0]) {
            $o = ref $o eq "ARRAY" ? $o->[$_] : $o->{$_};
        }
        print ref $o ? "there" : defined $o ? $o : "-";' "$1"
}
# page FILE: it ends, and loads nothing.
page() {
    has "$(tail -n 2 "$1")" "</html>" "$1: whole"
    is "$(grep -cE '<(link|img|iframe|object|base)|<script[^>]* src=' "$1")" 0 \
        "$1: loads nothing"
}

# A run that goes on, also by two commands at once.
pilot report seen -o live.html 2>live.err &
one=$!
pilot report seen -o live.html 2>two.err
is $? 0 "live: exit status" || sed 's/^/# /' two.err
wait $one
is $? 0 "live: of two at once" || sed 's/^/# /' live.err
page live.html
pilot report seen --json >live.json
is "$(member state <live.json)" running "live: state"
is "$(member report.partitions.1.partition <live.json)" 1 "live: partitions"
is "$(find . -name '.live.html*')" "" "live: no file is left"

# Served: with its token, and to nobody without.
pilot serve seen --listen 127.0.0.1:0 >url 2>serve.err &
serve_pid=$!
children="$children $serve_pid"
wait_for 20 has_line url
place=$(sed 's,http://\([^/]*\)/.*,\1,' url)
token=$(sed 's/.*token=//' url)
has "$(cat serve.err)" "ssh -L ${place##*:}:$place " "serve: the way from elsewhere"
# ask PATH [HEADER [HOST]]: the answer, with its head.
ask() {
    exec 7<>"/dev/tcp/${place%:*}/${place##*:}" || return
    printf 'GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n%s\r\n' \
        "$1" "${3:-x}" "${2:+$2$'\r\n'}" >&7
    cat <&7
    exec 7>&-
}
has "$(ask /metrics | head -n 1)" " 401 " "serve: no token"
has "$(ask '/metrics?token=x' | head -n 1)" " 401 " "serve: another token"
# Some that take nothing, and go away while they are served.
for i in 1 2 3 4 5 6 7 8; do
    exec {fd}<>"/dev/tcp/${place%:*}/${place##*:}"
    printf 'GET /events?token=%s HTTP/1.1\r\nHost: x\r\n\r\n' "$token" >&"$fd"
    [ $((i % 2)) -eq 0 ] || exec {fd}>&-
done
got=$(ask /metrics "Authorization: Bearer $token")
has "$got" 'pilot_run_state{run="seen",state="running"} 1' "serve: metrics"
has "$(ask "/?token=$token")" "data-events=\"events?token=$token\"" "serve: page"
has "$(ask "/nothing?token=$token" | head -n 1)" " 404 " "serve: no such page"
for i in $(seq 100); do
    ask "/metrics?token=$token" >scrape.$((i % 4)) || break
done
is "$i $(grep -c '^pilot_run_info' scrape.0)" "100 1" "serve: a hundred scrapes"
has "$(timeout 20 pilot serve seen --listen "$place" 2>&1)" \
    "cannot listen at $place" "serve: a place that is taken"
kill -INT $serve_pid
wait $serve_pid
is $? 0 "serve: ends by a signal"

# Without a token, a page of elsewhere whose name points here gets nothing.
pilot serve seen --no-token --listen 127.0.0.1:0 >open.url 2>serve.err &
serve_pid=$!
children="$children $serve_pid"
wait_for 20 has_line open.url
place=$(sed 's,http://\([^/]*\)/.*,\1,' open.url)
for host in "$place" LocalHost:1 '[::1]:8080' 127.0.0.2; do
    has "$(ask /metrics "" "$host" | head -n 1)" " 200 " "no token: asks $host"
done
for host in "127.0.0.1.x.org:${place##*:}" 1.2.3.4.5 '[x.org' '[]' .1 "" \
    localhost.x.org; do
    has "$(ask /metrics "" "${host:- }" | head -n 1)" " 403 " \
        "no token: asks '$host'"
done
kill -INT $serve_pid
wait $serve_pid
is $? 0 "no token: ends by a signal"

# For who has no listener.
pilot serve seen --textfile . --once 2>file.err
is $? 0 "textfile: exit status" || sed 's/^/# /' file.err
is "$(grep -c '^pilot_run_info' pilot-seen.prom)" 1 "textfile: written"

# The command that follows it is killed: no summary, and a report all the same.
kill -KILL $run_pid
wait $run_pid 2>/dev/null
pilot report seen --json >cut.json 2>cut.err
is $? 0 "killed: exit status" || sed 's/^/# /' cut.err
is "$(member report.series.counted <cut.json)" processed "killed: its trace"
echo '{"run": "se' >"$PILOT_HOME/seen/summary.json"
has "$(pilot report seen --json 2>/dev/null | member report.hops.0.hop)" edge \
    "killed: with a torn summary"
rm "$PILOT_HOME/seen/summary.json"

# On another host, which has no folder of it.
has "$(PILOT_HOME=$TEST_DIR/none pilot report seen --json | member run)" seen \
    "elsewhere: from the parameter service"

# It goes on, and ends.
pilot run --resume seen --no-final >resume.out 2>&1 &
run_pid=$!
children=$run_pid
n=$(committed seen applied)
wait_for 30 applied seen $((n + 50))
kill -INT $run_pid
wait $run_pid
is $? 0 "resumed: drained" || sed 's/^/# /' resume.out
pilot report seen 2>over.err
is $? 0 "over: exit status" || sed 's/^/# /' over.err
page seen.html
pilot report seen --json >over.json
is "$(member state <over.json)" drained "over: state"
is "$(member report.ranks.states.2 <over.json)" kernel "over: ranks"
is "$(member report.history.0.version <over.json)" 1 "over: versions"
[ "$(member report.machines.0.cores <over.json)" -ge 1 ]
ok $? "over: the machine"
is "$(find "$PILOT_HOME/seen" -name commits.json | wc -l)" 1 "over: commits are kept"

has "$(pilot report nosuch 2>&1)" "there is no run nosuch" "no such run"
has "$(timeout 20 pilot serve nosuch --listen 127.0.0.1:0 2>&1)" \
    "there is no run nosuch" "no such run to be served"
end_tests
