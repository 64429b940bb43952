#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# experiment-client.sh PROGRAM - what the client of experiments sees of a
# server that stops for a while, and of a host that does not answer probes
set -uo pipefail
PATH=$PATH:/usr/sbin:/sbin
program=$1

if [ "${INSIDE:-no}" = no ]; then
    [ "$(id -u)" = 0 ] || { echo "SKIP: namespaces need root"; exit 77; }
    command -v redis-server >/dev/null ||
        { echo "SKIP: redis-server is missing: apt-get install redis-server"; exit 77; }
    INSIDE=yes exec unshare --net "$0" "$@"
fi

folder=$(mktemp -d)
server='' client=''
cleanup() {
    [ -z "$client" ] || kill -KILL "$client" 2>/dev/null
    [ -z "$server" ] || { kill -KILL "$server" && wait "$server"; } 2>/dev/null
    rm -rf "$folder"
}
trap cleanup EXIT
failures=0
lines=$folder/lines

# wait_for SECONDS COMMAND...
wait_for() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$deadline" ] || return 1
        sleep 0.05
    done
}
listens() { grep -q LISTEN <<<"$(ss -Hltn "sport = :6379")"; }
# at least so many lines of a kind
count() { cat "$lines" 2>/dev/null | grep -c "^$1"; }
has() { [ "$(count "$1")" -ge "$2" ]; }
check() { # WHAT COMMAND...
    local what=$1
    shift
    if "$@"; then echo "ok - $what"; else
        echo "not ok - $what"
        failures=$((failures + 1))
    fi
}
number() { awk "BEGIN { exit !($1) }"; } # of a comparison

ip link set lo up
redis-server --port 6379 --bind 127.0.0.1 --save '' --appendonly no \
    --dir "$folder" >"$folder/redis.log" 2>&1 &
server=$!
wait_for 30 listens || { echo "not ok - redis-server does not listen"; exit 1; }

"$program" client --address 127.0.0.1 --out "$lines" --requests 100 \
    --keys 50 --value 1000 --writes 0.5 &
client=$!
check "probes and requests are answered" wait_for 30 eval 'has p 100 && has r 100'

# the server holds its breath: requests that are due meanwhile wait for it
kill -STOP "$server"
sleep 0.6
kill -CONT "$server"
before=$(count r)
check "requests go on after a pause" wait_for 30 has r $((before + 100))

# the machine does: nothing answers probes
sysctl -q net.ipv4.icmp_echo_ignore_all=1
sleep 0.4
sysctl -q net.ipv4.icmp_echo_ignore_all=0
before=$(count p)
check "probes go on after a pause" wait_for 30 has p $((before + 50))

kill -TERM "$client"
check "it ends when it is told to" wait "$client"
client=''

longest=$(awk '$1 == "r" && $3 > most { most = $3 } END { print most + 0 }' "$lines")
check "a pause of 0.6 s is in the latencies ($longest us)" \
    number "$longest >= 450000"
waited=$(awk '$1 == "r" && $3 > 100000' "$lines" | wc -l)
check "... of all that were due in it ($waited)" number "$waited >= 30"
silence=$(awk '$1 == "p" { back = $2 + $3; if (last && back - last > most)
    most = back - last; last = back } END { print most + 0 }' "$lines")
check "a silence of 0.4 s is between two answers ($silence us)" \
    number "$silence >= 380000"
bytes=$(awk '$1 == "r" { sum += $4; n++ } END { print sum / n }' "$lines")
check "a request and its answer have some 1000 bytes ($bytes)" \
    number "$bytes > 1000 && $bytes < 1150"
check "the last line tells when it ended" \
    grep -qE '^e [0-9]+$' <(tail -n 1 "$lines")
[ "$failures" = 0 ]
