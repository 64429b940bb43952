#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# commands.sh PROGRAM - vmferry-consolidate's commands, with and without a service
#
# libvirt's test driver is a host with one guest and needs no daemon; another
# host refuses connections. So nothing can be moved, and every command has to say
# so, or to do its part, and to exit as its manual says.
program=$1
dir=$(mktemp -d)
service=
failures=0
trap '[ -z "$service" ] || kill "$service" 2>/dev/null; rm -rf "$dir"' EXIT

cat >"$dir/conf" <<EOF
[service]
state = $dir/state
socket = $dir/sock
sample = 100ms
patience = 20s
[consolidate]
cycle = 1h
[host a]
uri = test:///default
[host b]
uri = qemu+tcp://127.0.0.1:1/system
EOF

# run WHAT STATUS WORDS COMMAND...: it exits so and says that
run() {
    what=$1 want=$2 words=$3
    shift 3
    timeout 60 "$program" "$@" --config "$dir/conf" >"$dir/out" 2>&1 </dev/null
    status=$?
    if [ $status = "$want" ] && { tr '\n' ' ' <"$dir/out"; echo; } | grep -q -e "$words"
    then
        echo "ok - $what"
    else
        echo "not ok - $what: status $status, not $want, or no '$words' in:"
        cat "$dir/out"
        failures=$((failures + 1))
    fi
}

run "status" 0 'no service.*a  *up  *1.*b  *unknown' status
run "plan" 0 'nothing is done' plan
run "plan as JSON" 0 '"format": *"vmferry-decision-1"' plan --json
run "explain" 0 'nothing is done' explain
run "report" 0 '<!DOCTYPE html>.*nothing is done.*</html>' report
run "a report of no plan" 2 'no plan "p9"' report p9
run "history" 0 '' history
run "nothing to apply" 0 'nothing is done' apply
run "a plan by its id takes the service" 1 'no service listens' apply p1
run "evacuate what has no other place" 1 'cannot leave' evacuate a
run "evacuated" 0 'a  *up, evacuated' status
run "release" 0 '' release a
run "release twice" 2 'is not evacuated' release a
run "a host that is not there" 2 'no host "z"' evacuate z
run "no host said" 2 'it takes HOST' evacuate
run "pause" 0 '' pause
run "paused" 0 'paused' status
run "resume" 0 '' resume
run "a mode that is none" 2 'advise, approve or auto' run --mode often

"$program" run --config "$dir/conf" >"$dir/log" 2>&1 </dev/null &
service=$!
i=0
while [ ! -S "$dir/sock" ] && [ $i -lt 300 ]; do
    sleep 0.1
    i=$((i + 1))
done
run "status of the service" 0 'mode advise  *HOST' status
run "plan of the service" 0 'nothing is done' plan
run "evacuate by the service" 1 'cannot leave' evacuate a
run "evacuate twice" 1 'cannot leave' evacuate a
run "a host that the service has not" 1 'no host "z"' evacuate z
run "nothing to apply in the service" 1 'nothing to carry out' apply
run "release by the service" 0 '' release a
run "pause by the service" 0 '' pause
run "resume by the service" 0 '' resume
run "a second manager" 1 "process $service has it" evacuate a --alone
run "a second service" 1 "process $service has it" run
run "the service lives" 0 'mode advise' status
kill -TERM $service
wait $service
status=$?
service=
if [ $status != 0 ] || [ -e "$dir/sock" ]; then
    echo "not ok - the service ends: status $status"
    cat "$dir/log"
    failures=$((failures + 1))
fi

# guests with rules in their metadata, on hosts of the test driver
node() {
    cat <<EOF
<node><cpu><mhz>2000</mhz><model>x</model><active>8</active><nodes>1</nodes>
<sockets>2</sockets><cores>4</cores><threads>1</threads></cpu>
<memory>16777216</memory>$1</node>
EOF
}
# guest NUMBER RULES
guest() {
    cat <<EOF
<domain type='test'><name>g$1</name>
<uuid>0000000$1-0000-4000-8000-000000000000</uuid><metadata>
<vmferry:place xmlns:vmferry='urn:vmferry:place:1' $2/></metadata>
<memory>1048576</memory><vcpu>1</vcpu><os><type>hvm</type></os></domain>
EOF
}
node "$(guest 1 "keep-away='g2'")$(guest 2 "group='x'")" >"$dir/c.xml"
node "$(guest 3 "group='x' apart='nowhere'")" >"$dir/d.xml"
sed -e '/^\[host a\]/,$d' -e "s,^state = .*,state = $dir/other," \
    -e '/^socket/d' "$dir/conf" >"$dir/placed"
cat >>"$dir/placed" <<EOF
[host c]
uri = test://$dir/c.xml
[host d]
uri = test://$dir/d.xml
EOF
mv "$dir/placed" "$dir/conf"
run "what guests' metadata say" 0 \
    'g1 away from g2.* g[12] *c *d .*constraints' plan --alone
run "what is assumed" 0 'what it writes is not known' explain --alone
run "metadata that cannot be read" 1 \
    'g3: cannot leave host d: metadata of urn:vmferry:place:1: apart' \
    evacuate d --alone
[ $failures = 0 ]
