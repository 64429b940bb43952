# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# case-starters.sh - whoever starts a migration, its stream is found
#
# One guest, four flows beside it. In its class is what the kernel counted there
# but not of the stream; all of the stream is what its connections' own counters
# say, or, where that is more, what libvirt says was sent.
# shellcheck disable=SC2034,SC2154

ways_starters="direct p2p parallel tls storage api vmferry"
about_starters="virsh p2p or not, --parallel, TLS, storage; libvirt's API"

# certificates: for QEMU of both hosts, as libvirt finds them
certificates() {
    local dir=$logs/pki name use

    mkdir -p "$dir"
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=bench CA" \
        -keyout "$dir/ca-key.pem" -out "$dir/ca-cert.pem" 2>"$logs/openssl"
    for name in server client; do
        use=${name}Auth
        openssl req -newkey rsa:2048 -nodes -subj "/CN=bench $name" \
            -keyout "$dir/$name-key.pem" -out "$dir/$name.csr" \
            2>>"$logs/openssl"
        openssl x509 -req -in "$dir/$name.csr" -CA "$dir/ca-cert.pem" \
            -CAkey "$dir/ca-key.pem" -CAcreateserial -days 2 -extfile <(
            printf '%s\n' "extendedKeyUsage=$use" \
                "keyUsage=digitalSignature,keyEncipherment" \
                "subjectAltName=IP:10.77.0.1,IP:10.77.0.2,DNS:host1,DNS:host2"
        ) -out "$dir/$name-cert.pem" 2>>"$logs/openssl"
    done
    for name in 1 2; do
        # shellcheck disable=SC2016 # expanded by the inner shell
        tb exec "$name" sh -c 'mkdir -p /etc/libvirt/pki &&
            cp "$0"/*.pem /etc/libvirt/pki &&
            echo "migrate_tls_x509_cert_dir = \"/etc/libvirt/pki\"" \
                >>/etc/libvirt/qemu.conf' "$dir"
        tb libvirtd "$name" restart
    done
}

# a_disk: for the guest, of 64 MiB that are not zeros, on its host alone
a_disk() {
    tb exec 1 dd if=/dev/urandom of=/run/vm.img bs=1M \
        count=64 status=none
    tb exec 2 truncate --size 64M /run/vm.img
    tb virsh 1 attach-disk vm /run/vm.img vdb \
        --cache writethrough --subdriver raw >/dev/null
}

# starter WAY: leaves BEGAN, ENDED and MIGRATED
starter() {
    local status=0

    case $1 in
    direct) virsh_migrate vm ;;
    p2p) virsh_migrate vm --p2p ;;
    parallel) virsh_migrate vm --p2p --parallel --parallel-connections 3 ;;
    tls) virsh_migrate vm --p2p --tls ;;
    storage)
        virsh_migrate vm --p2p --copy-storage-all --migrate-disks vdb --unsafe
        ;;
    api)
        BEGAN=$(now)
        tb exec 1 "$build/tests/system/virt-session" migrate vm "$(uri 2)" \
            tcp://10.77.0.2 >"$logs/virsh-vm" 2>&1 || status=$?
        ENDED=$(now)
        [ "$status" = 0 ] && MIGRATED=completed || MIGRATED=failed
        ;;
    vmferry)
        BEGAN=$(now)
        tb exec 1 "$vmferry" migrate --live --p2p vm "$(uri 2)" \
            >"$logs/virsh-vm" 2>&1 || status=$?
        ENDED=$(now)
        [ "$status" = 0 ] && MIGRATED=completed || MIGRATED=failed
        ;;
    esac
    [ "$MIGRATED" = completed ] || die "$1: $(tail -n 3 "$logs/virsh-vm")"
}

run_starters() {
    local class stream foreign said found

    tb up --hosts 2 --wire 50mbit
    [ "$1" != tls ] || certificates
    guest vm --memory 256 --workload memory --workload-args rate=400,set=32
    [ "$1" != storage ] || a_disk
    daemon_start 50mbit
    tb cross start --flows 4
    starter "$1"
    await 5 "its record is written" record_ended vm
    said=$(tb virsh 2 domjobinfo --completed --keep-completed --rawstats vm |
        awk '/^ *(memory_processed|disk_processed):/ { n += $2 }
            END { printf "%.0f", n }')
    found=$(sed -n \
        "s/.*'vm': its stream goes to .* found \([0-9]*\) ms .*/\1/p" \
        "$logs/daemon.log" | head -n 1)
    class=$(record vm '.shaping.class_bytes // 0')
    stream=$(record vm '.shaping.stream_bytes // 0')
    foreign=$(record vm '.shaping.foreign_bytes // 0')
    figure total_s "$(calc 'b - a' a="$BEGAN" b="$ENDED")"
    figure found_ms "${found:-99999}"
    figure class_bytes "$class"
    figure stream_bytes "$stream"
    figure libvirt_bytes "$said"
    figure foreign_bytes "$foreign"
    figure in_class_percent "$(calc \
        '100 * (c - f) / frame / (s > l ? s : l)' c="$class" f="$foreign" \
        s="$stream" l="$said" frame="$FRAME")"
    figure foreign_percent "$(calc '(c > 0) ? 100 * f / c : 100' c="$class" \
        f="$foreign")"
}
