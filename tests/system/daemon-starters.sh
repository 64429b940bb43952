#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# daemon-starters.sh - whoever starts a migration, and however
#
#   not p2p       virsh itself talks to both hosts
#   --parallel    QEMU opens several connections
#   --tls         ... and encrypts them; certificates are made here
#   storage copy  a disk goes first, by a connection of its own (NBD)
#   --postcopy    and virsh migrate-postcopy: another world from the switch on
#
# One guest goes to and fro, beside a flow that takes what it can get. Of each
# migration: its stream is in its class within 500 ms, at least 95 % of the
# bytes that QEMU says it sent are in there, and at most 1 % are somebody
# else's. In the end one is cut in post-copy. Takes some 140 s.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/daemon-lib.sh"

# headers of a full TCP segment, in parts of its payload
WIRE=1.0456
PKI=$WORK/pki

# certificates: of an authority, and one that each host shows as both ends
certificates() {
    mkdir -p "$PKI"
    cat >"$PKI/openssl.conf" <<'END'
[req]
distinguished_name=name
[name]
[authority]
basicConstraints=critical,CA:TRUE
keyUsage=critical,keyCertSign
[host]
basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature,keyEncipherment
extendedKeyUsage=serverAuth,clientAuth
subjectAltName=DNS:host1,DNS:host2,IP:10.77.0.1,IP:10.77.0.2
END
    {
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
            -config "$PKI/openssl.conf" -extensions authority -days 2 \
            -subj /CN=vmferry-test-authority \
            -keyout "$PKI/ca-key.pem" -out "$PKI/ca-cert.pem" &&
            openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 \
                -nodes -config "$PKI/openssl.conf" -subj /CN=vmferry-test-host \
                -keyout "$PKI/server-key.pem" -out "$PKI/host.csr" &&
            openssl x509 -req -in "$PKI/host.csr" -CA "$PKI/ca-cert.pem" \
                -CAkey "$PKI/ca-key.pem" -CAcreateserial -days 2 \
                -extfile "$PKI/openssl.conf" -extensions host \
                -out "$PKI/server-cert.pem" &&
            cp "$PKI/server-key.pem" "$PKI/client-key.pem" &&
            cp "$PKI/server-cert.pem" "$PKI/client-cert.pem"
    } >"$PKI/log" 2>&1
}

# trust HOST: its QEMUs find the certificates
trust() {
    echo "migrate_tls_x509_cert_dir = \"$PKI\"" \
        >>"$VMFERRY_STATE/nodes/host$1/etc/libvirt/qemu.conf"
    tb libvirtd "$1" restart
}

# disk HOST MIB: the file of vm1's disk there, on that host alone
disk() {
    local file=$VMFERRY_STATE/nodes/host$1/var/lib/libvirt/images/vm1.img

    mkdir -p "${file%/*}"
    [ "$2" = 0 ] || head -c "$2M" /dev/urandom >"$file"
    [ "$2" != 0 ] || truncate -s "$(stat -c %s \
        "$VMFERRY_STATE/nodes/host1/var/lib/libvirt/images/vm1.img")" "$file"
}

# leaves WHAT FLAG...: vm1 from host1 to host2, steered
leaves() {
    mkdir -p "$RECORDS.before"
    mv "$RECORDS"/2*.json "$RECORDS.before" 2>/dev/null
    boot=$(guest_value vm1 boot_id)
    counter=$(guest_value vm1 counter)
    virsh_start vm1 "${@:2}"
    wait_for 30 "$1: in force" session_is vm1 .not_in_force null
}

# leaves_by_postcopy WHAT FLAG...: ... which would not end otherwise, in its second
# pass.
# Its disk is the same at both ends by now, and does not go again.
leaves_by_postcopy() {
    tb ask vm1 rate=20000 >/dev/null
    leaves "$1" --p2p --postcopy --unsafe "${@:2}"
    wait_for 30 "$1: its second pass" session_says vm1 '.iteration >= 2'
}

# switches WHAT: to post-copy, by virsh
switches() {
    check "$1: virsh switches" tb virsh 1 migrate-postcopy vm1
    wait_for 30 "$1: which is seen" session_is vm1 .state postcopy
}

# comes_back [FLAG...]: unseen, and fast
comes_back() {
    tb ask vm1 rate=100 >/dev/null
    tb wire unlimited
    tb virsh 2 migrate --live --p2p "$@" vm1 "$(uri 1)" >/dev/null ||
        bail "vm1 does not come back"
    tb wire 100mbit
}

# arrives WHAT [BYTES]: and all of it was in its class; so much beside memory
arrives() {
    local sent

    check_arrived vm1
    check_lived "$1" vm1 2 "$boot" "$counter"
    check_number "$1: found after ms" "$(found_ms vm1)" '<' 500
    # the same figures as the checks below, in one line
    record_of vm1 "\"# $1: \(.outcome.total_ms / 1000) s, \(
        .outcome.bytes / 1e6) MB; in its class \(.shaping.class_bytes / 1e6
        ) MB, of its connections \(.shaping.stream_bytes / 1e6
        ) MB, foreign \(.shaping.foreign_bytes / 1e6) MB\""
    sent=$(record_of vm1 ".outcome.bytes + ${2:-0}")
    check_number "$1: bytes of the stream in its class, per cent" \
        "$(record_of vm1 "(.shaping.class_bytes - .shaping.foreign_bytes) /
            $WIRE / $sent * 100")" '>=' 95
    check_within "$1: ... and of its connections, as the kernel counts them" \
        "$(record_of vm1 ".shaping.stream_bytes / $sent * 100")" 100 3
    check_number "$1: others' bytes in its class, per cent" \
        "$(record_of vm1 \
            '.shaping.foreign_bytes / .shaping.class_bytes * 100')" '<=' 1
    check_replays "$1" vm1
    wait_for 30 "$1: nothing is left" has_no_tree 1
}

# class_rates: of vm1's class, guarantee and ceiling, and the link's, bit/s
class_rates() {
    tb exec 1 "$VMFERRY" tc show --json mig0 | jq -r '.links[0].classes |
        (map(select(.role == "migration"))[0] |
            "\(.rate_bytes_s * 8) \(.ceil_bytes_s * 8)") + " " +
        (map(select(.role == "link"))[0] | "\(.ceil_bytes_s * 8)")'
}

testbed_up --hosts 2 --wire 100mbit
if ! command -v openssl >/dev/null; then
    echo "# SKIP --tls: openssl is missing: apt-get install openssl"
elif certificates; then
    trust 1
    trust 2
else
    bail "no certificates: $(cat "$PKI/log")"
fi
configure enforce 100mbit
daemon_start
start_guest vm1 --host 1 --memory 192 --workload memory \
    --workload-args rate=100,set=48
clean=$(host_tc 1)
tb cross start --flows 1

leaves "not p2p"
arrives "not p2p"
comes_back
leaves --parallel --p2p --parallel --parallel-connections 3
arrives --parallel
if [ -d "$PKI" ]; then
    comes_back
    leaves --tls --p2p --tls
    arrives --tls
fi

# --- a disk goes first ---
comes_back
disk 1 40
disk 2 0
check "a disk is attached" tb virsh 1 attach-disk vm1 \
    /var/lib/libvirt/images/vm1.img vdb --targetbus virtio --live \
    --driver qemu --subdriver raw
leaves "storage copy" --p2p --copy-storage-all
arrives "storage copy" $((40 << 20))
check "storage copy: the disk is the same there" cmp \
    "$VMFERRY_STATE/nodes/host1/var/lib/libvirt/images/vm1.img" \
    "$VMFERRY_STATE/nodes/host2/var/lib/libvirt/images/vm1.img"

# --- post-copy, by whoever started it ---
comes_back --unsafe
leaves_by_postcopy --postcopy
before=$(class_rates)
check_equal "--postcopy: before the switch its ceiling is the link's" \
    "${before#* * }" "$(cut -d ' ' -f 2 <<<"$before")"
switches --postcopy
after=$(class_rates)
check_number "--postcopy: the guarantee, of the link, from then on" \
    "$(awk '{ print $1 / $3 }' <<<"$after")" '>=' 0.9
check_equal "--postcopy: and its ceiling is the link's" "${after#* * }" \
    "$(cut -d ' ' -f 2 <<<"$after")"
check_status "--postcopy: it is not held any more" 1 \
    'runs on the destination already' \
    "$TESTBED" exec 1 "$VMFERRY" hold vm1
arrives --postcopy
check_equal "--postcopy: no step was taken" '' "$(record_of vm1 \
    '.warnings[] | select(test("step|ladder|auto-converge"))')"

# --- its way is cut: the guest is lost to the test, for QEMU's monitor there
# waits for pages as well; what can be said is said ---
comes_back --unsafe
leaves_by_postcopy cut --migrateuri tcp://10.77.0.2:50123
check "cut: and by a port of one's own" session_is vm1 .port 50123
switches cut
check "cut: paused by QEMU" tb virsh 1 qemu-monitor-command vm1 \
    '{"execute":"migrate-pause"}'
wait_for 30 "cut: that is seen" session_is vm1 .state postcopy-paused
check_equal "cut: with the command that continues it" \
    "virsh -c qemu:///system migrate --live --p2p --postcopy --postcopy-resume vm1 $(uri 2)" \
    "$(session vm1 .recover)"
check_equal "cut: and an alert" postcopy-paused "$(status_of '.alerts[].alert')"

tb cross stop
daemon_stop
check_same "the host's traffic control is as it was" "$clean" "$(host_tc 1)"
explain_daemon
finish
