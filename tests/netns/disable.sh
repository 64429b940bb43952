#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# disable.sh VMFERRY HOLD - the switch, on a link in a namespace of its own
#
# HOLD plays somebody who holds a reservation, and heeds the switch, or does not:
# hold.c.
set -eu
vmferry=$1 hold=$2

if [ "${3-}" != inside ]; then
    if [ "$(id -u)" -ne 0 ] || ! unshare -nm true 2>/dev/null; then
        echo "SKIPPED: needs root and namespaces"
        exit 77
    fi
    exec unshare -nm --propagation private "$0" "$vmferry" "$hold" inside
fi

mount -t tmpfs none /run
folder=$(mktemp -d)
owner=
cleanup() {
    [ -z "$owner" ] || kill -9 "$owner" 2>/dev/null || true
    rm -rf "$folder"
}
trap cleanup EXIT
export VMFERRY_DISABLED=$folder/etc/vmferry/disabled
export VMFERRY_SOCKET=$folder/none.sock
ip link set dev lo up
ip link add near0 type veth peer name far0
ip addr add 10.9.0.1/24 dev near0
ip link set dev near0 up

fail() {
    echo "FAILED: $*"
    tc qdisc show dev near0
    exit 1
}
ours() { tc qdisc show dev near0 | grep -q '7666:'; }

start_owner() { # [stubborn]
    coproc OWNER { exec "$hold" near0 "$@" 2>&1; }
    # shellcheck disable=SC2153 # coproc makes it
    owner=$OWNER_PID
    read -r -t 20 line <&"${OWNER[0]}" && [ "$line" = ready ] ||
        fail "the owner says '${line-}'"
    ours || fail "nothing is reserved"
}
end_owner() {
    kill -9 "$owner" 2>/dev/null || true
    wait "$owner" 2>/dev/null || true
    owner=
}
# COMMAND...: within a second, by its own account and the clock's
in_a_second() {
    local began=${EPOCHREALTIME/./} took
    "$@" || fail "$* ends with $?"
    took=$((${EPOCHREALTIME/./} - began))
    echo "$*: $((took / 1000)) ms" >&2
    [ $took -lt 1000000 ] || fail "$* took $took us"
}

# nothing there: a switch thrown, twice, and back
in_a_second "$vmferry" disable --reason 'it hurts' >"$folder/out"
grep -q "is disabled on this host ($VMFERRY_DISABLED)" "$folder/out" ||
    fail "$(cat "$folder/out")"
grep -q '^it hurts; vmferry disable, uid 0$' "$VMFERRY_DISABLED" ||
    fail "$(cat "$VMFERRY_DISABLED")"
"$vmferry" disable | grep -q 'already disabled' || fail "not already"
# a migration that begins now is plain, and says so (libvirt's test driver)
"$vmferry" -c test:///default migrate --live --dry-run --verbose test \
    test:///default >"$folder/out" 2>&1 || fail "$(cat "$folder/out")"
grep -q 'is disabled on this host' "$folder/out" || fail "$(cat "$folder/out")"
grep -q '^policy *none:' "$folder/out" || fail "$(cat "$folder/out")"
"$vmferry" enable | grep -q 'is enabled' || fail "not enabled"
"$vmferry" enable | grep -q 'already enabled' || fail "not already enabled"
[ ! -e "$VMFERRY_DISABLED" ] || fail "the file is there"

# an owner that died: what it left goes
start_owner
end_owner
ours || fail "it should be left over"
in_a_second "$vmferry" disable >"$folder/out"
! ours || fail "a dead owner's classes are there"
grep -q 'vm-a' "$folder/out" || fail "$(cat "$folder/out")"
"$vmferry" enable >/dev/null

# an owner that does not heed the switch: by force, within the second
start_owner stubborn
in_a_second "$vmferry" disable >"$folder/out"
! ours || fail "a living owner's classes are there"
kill -0 "$owner" || fail "the owner itself is to live"
"$vmferry" enable >/dev/null
end_owner

start_owner stubborn
in_a_second "$vmferry" disable --now --json >"$folder/out"
! ours || fail "classes are there after --now"
jq -e '.disabled and .changed and (.done | length) > 0' "$folder/out" \
    >/dev/null || fail "$(cat "$folder/out")"
"$vmferry" enable --json | jq -e '.disabled == false and .changed' >/dev/null ||
    fail "enable --json"
end_owner

# an owner that heeds it gives back by itself
start_owner
in_a_second "$vmferry" disable >"$folder/out"
! ours || fail "it was not given back"
! grep -q 'vm-a' "$folder/out" || fail "taken, not given: $(cat "$folder/out")"
end_owner

# a file that cannot be made, and nobody to ask
VMFERRY_DISABLED=/proc/none/disabled "$vmferry" disable 2>"$folder/out" &&
    fail "made in /proc?"
grep -q '^error: .*/proc/none' "$folder/out" || fail "$(cat "$folder/out")"
grep -q 'asking vmferryd' "$folder/out" || fail "$(cat "$folder/out")"
"$vmferry" disable --socket 2>/dev/null && fail "--socket without a value"
echo "all switched"
