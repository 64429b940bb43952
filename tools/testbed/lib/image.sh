# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# image.sh - kernel and initramfs of the guests, and which accelerator works
#
# Debian's cloud kernel, busybox, our memwriter and the virtio modules make
# the image `base`; `full` adds real programs with the libraries they need.
# An image is a folder named by the hash of all that goes into it, so it is
# made once and never stale. The archive is deterministic: sorted names,
# fixed times and owners.

readonly BASE_MODULES="virtio_ring virtio virtio_pci_legacy_dev
    virtio_pci_modern_dev virtio_pci virtio_balloon failover net_failover
    virtio_net"
readonly FULL_PROGRAMS="redis-server redis-cli redis-benchmark sysbench
    stress-ng sqlite3 iperf3"

# kernel_fetch: the newest cloud kernel that apt knows, or the one we have
kernel_fetch() {
    local package dir=$CACHE/kernel

    [ -f "$dir/vmlinuz" ] && return 0
    need dpkg-deb dpkg
    need apt-get apt
    mkdir -p "$CACHE/apt"
    package=$(apt-cache depends linux-image-cloud-amd64 2>/dev/null |
        awk '$1 == "Depends:" && $2 ~ /^linux-image-/ { print $2; exit }')
    [ -n "$package" ] ||
        die "apt knows no linux-image-cloud-amd64: run apt-get update"
    say "downloading $package"
    rm -rf "$CACHE/apt/"*.deb "$dir.new"
    (cd "$CACHE/apt" &&
        apt-get -q -o APT::Sandbox::User=root download "$package") >&2 ||
        die "$package could not be downloaded: is there a network, and is" \
            "the package list fresh (apt-get update)?"
    mkdir -p "$dir.new"
    dpkg-deb -x "$CACHE/apt/$package"_*.deb "$dir.new/tree"
    cp "$dir.new/tree/boot/vmlinuz-"* "$dir.new/vmlinuz"
    rm -rf "$dir" "$CACHE/apt"
    mv "$dir.new" "$dir"
}

# program_files PROGRAM...: the programs and every library they need
program_files() {
    local program path

    for program in "$@"; do
        path=$(command -v "$program") ||
            die "$program is missing for the image with real programs:" \
                "apt-get install redis sysbench stress-ng sqlite3 iperf3"
        readlink -f "$path"
        ldd "$path" | awk '$2 == "=>" && $3 ~ /^\// { print $3 }
            $1 ~ /^\// { print $1 }'
    done | sort -u
}

# image_hash KIND: of everything that goes into it
image_hash() {
    local files=()

    if [ "$1" = full ]; then
        # shellcheck disable=SC2086 # a list of names
        mapfile -t files < <(program_files $FULL_PROGRAMS)
        [ "${#files[@]}" -gt 0 ] || exit 1
    fi
    cat "$CACHE/kernel/vmlinuz" "$TESTBED_LIB/image.sh" \
        "$TESTBED_DIR/guest/init" "$TESTBED_DIR/guest/memwriter.c" \
        "$TESTBED_DIR/guest/chatter.c" \
        "$TESTBED_DIR/guest/loads/"* \
        "$(command -v busybox)" "${files[@]}" | sha256sum | cut -c 1-16
}

# image_tree KIND DIR: lays out the files
image_tree() {
    local module path program file

    mkdir -p "$2/bin" "$2/dev" "$2/proc" "$2/sys" "$2/modules" "$2/etc" \
        "$2/usr/bin" "$2/usr/sbin" "$2/sbin" "$2/tmp" "$2/root"
    cp "$(command -v busybox)" "$2/bin/busybox"
    cp "$TESTBED_DIR/guest/init" "$2/init"
    chmod 755 "$2/init"
    ln -s busybox "$2/bin/sh"
    "${CC:-cc}" -O2 -D_GNU_SOURCE -Wall -Wextra -static -s \
        -o "$2/bin/memwriter" "$TESTBED_DIR/guest/memwriter.c" ||
        die "the guest's memwriter could not be compiled: apt-get install" \
            "gcc libc6-dev"
    "${CC:-cc}" -O2 -D_GNU_SOURCE -Wall -Wextra -static -s \
        -o "$2/bin/chatter" "$TESTBED_DIR/guest/chatter.c" ||
        die "the guest's chatter could not be compiled"
    for module in $BASE_MODULES; do
        path=$(find "$CACHE/kernel/tree/lib/modules" -name "$module.ko")
        [ -n "$path" ] || die "the kernel package has no module $module"
        cp "$path" "$2/modules/"
        echo "$module.ko" >>"$2/modules/order"
    done
    [ "$1" = full ] || return 0
    mkdir -p "$2/loads"
    cp "$TESTBED_DIR/guest/loads/"* "$2/loads/"
    chmod 755 "$2/loads/"*
    # shellcheck disable=SC2086 # a list of names
    program_files $FULL_PROGRAMS | while read -r file; do
        mkdir -p "$2$(dirname "$file")"
        cp -L "$file" "$2$file"
    done
    for program in $FULL_PROGRAMS; do
        file=$(readlink -f "$(command -v "$program")")
        [ -e "$2/bin/$program" ] || ln -s "$file" "$2/bin/$program"
    done
    echo "root:x:0:0:root:/root:/bin/sh" >"$2/etc/passwd"
    echo "root:x:0:" >"$2/etc/group"
}

# image_make KIND: prints the image's folder, with vmlinuz and initrd in it
image_make() {
    local dir lock

    need busybox busybox-static
    need cpio cpio
    mkdir -p "$CACHE"
    exec {lock}>"$CACHE/lock"
    flock "$lock"
    kernel_fetch
    dir=$CACHE/image-$1-$(image_hash "$1")
    if [ ! -f "$dir/initrd" ]; then
        say "making the guest image \`$1'"
        rm -rf "$dir" "$dir.new"
        image_tree "$1" "$dir.new/tree"
        find "$dir.new/tree" -exec touch -h -d @0 {} +
        (cd "$dir.new/tree" && find . -print0 | LC_ALL=C sort -z |
            cpio --null --create --format=newc --owner=0:0 --reproducible \
                --quiet) >"$dir.new/initrd"
        ln "$CACHE/kernel/vmlinuz" "$dir.new/vmlinuz"
        rm -rf "$dir.new/tree"
        mv "$dir.new" "$dir"
    fi
    exec {lock}>&-
    echo "$dir"
}

# kvm_boots IMAGE: whether a guest gets as far as its init under KVM. That
# /dev/kvm opens says little: some nested hypervisors open and never run.
kvm_boots() {
    local said

    [ -w /dev/kvm ] || return 1
    said=$(timeout -k 1 8 qemu-system-x86_64 -accel kvm -machine "$MACHINE" \
        -cpu qemu64 -m 192 -nodefaults -no-user-config -display none \
        -no-reboot -serial stdio -kernel "$1/vmlinuz" -initrd "$1/initrd" \
        -append "console=ttyS0 panic=-1 quiet vmferry.probe=1" \
        </dev/null 2>/dev/null 9>&-) || true
    grep -q VMFERRY-PROBE-OK <<<"$said"
}

# accel_choose IMAGE: prints kvm or tcg; the probe's answer is kept until the
# next boot of this machine or another QEMU
accel_choose() {
    local key answer known=

    case ${VMFERRY_ACCEL:-} in
    kvm | tcg)
        echo "$VMFERRY_ACCEL"
        return
        ;;
    "") ;;
    *) die "VMFERRY_ACCEL is \`$VMFERRY_ACCEL': it can be kvm or tcg" ;;
    esac
    if [ ! -e /dev/kvm ]; then
        echo tcg
        return
    fi
    key="$(</proc/sys/kernel/random/boot_id) $(stat -c %Y-%s \
        "$(command -v qemu-system-x86_64)")"
    [ -f "$CACHE/kvm-probe" ] && known=$(<"$CACHE/kvm-probe")
    if [ "${known% *}" = "$key" ]; then
        echo "${known##* }"
        return
    fi
    answer=tcg
    if kvm_boots "$1"; then
        answer=kvm
    else
        say "/dev/kvm is there, but a guest does not boot with it in 8 s"
    fi
    echo "$key $answer" >"$CACHE/kvm-probe"
    echo "$answer"
}
