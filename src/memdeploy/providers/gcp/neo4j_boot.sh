#!/bin/sh
# Boot script of the Neo4j virtual machine (Container-Optimized OS), run as root at every boot by the guest agent.
#
# It mounts the data disk, fetches the password and the TLS key with the machine's own account onto a tmpfs, and runs
# Neo4j from an image named by digest. What it does and why it failed is reported as guest attributes:
#   memdeploy/phase       starting | disk | secrets | image | running | ready | failed
#   memdeploy/error       one line; only when phase is failed
#   memdeploy/generation  echo of the attribute below: says which configuration the phase belongs to
#
# Parameters come as metadata attributes of the instance, never as text inside this file:
#   memdeploy-device       device name of the data disk: seen as /dev/disk/by-id/google-<name>
#   memdeploy-format       equal to the device name: an empty disk may be formatted. Absent: never format
#   memdeploy-password     projects/P/secrets/S/versions/N: password of the user neo4j
#   memdeploy-tls          projects/P/secrets/S/versions/N: private key and certificate, both PEM
#   memdeploy-image        HOST/PATH@sha256:…
#   memdeploy-address      the machine's static address, the one the certificate speaks for
#   memdeploy-sources      CIDR that may connect
#   memdeploy-memory       memory of the machine in MB; absent: what the kernel says
#   memdeploy-generation   hash of all of the above but memdeploy-format
#
# No secret is ever an argument of a command, a part of the container's configuration, or on the boot disk.
# Commands of docker that it uses: login, pull, rm -f, run -d, inspect -f.

set -u

METADATA=http://metadata.google.internal/computeMetadata/v1
SECRET_MANAGER=https://secretmanager.googleapis.com/v1
BY_ID=${MEMDEPLOY_BY_ID:-/dev/disk/by-id}          # the three folders are variables for tests only
MOUNT=${MEMDEPLOY_MOUNT:-/mnt/disks/neo4j}
RUN=${MEMDEPLOY_RUN:-/run/memdeploy}
CONTAINER=neo4j
OWNER=7474:7474                                    # the image's user neo4j
PAUSE=${MEMDEPLOY_PAUSE:-5}
TRIES=${MEMDEPLOY_TRIES:-60}
# For what an account was only just allowed: https://cloud.google.com/iam/docs/access-change-propagation (7 minutes).
SPREAD=$((TRIES * 3 / 2))

# -- reporting -------------------------------------------------------------------------------------------------------

log() { printf 'memdeploy: %s\n' "$*" >&2; }

# tell KEY VALUE TRIES: a guest attribute. The metadata server limits their rate; losing one must not stop the boot,
# so only the first and the last word of a boot are insisted on.
tell() {
  tell_left=$3
  while ! printf '%s' "$2" | curl -sSf -m 10 -X PUT --data-binary @- -H 'Metadata-Flavor: Google' \
    "$METADATA/instance/guest-attributes/memdeploy/$1" >/dev/null; do
    tell_left=$((tell_left - 1))
    [ "$tell_left" -gt 0 ] || { log "could not report $1"; return 0; }
    sleep "$PAUSE"
  done
}

phase() {
  log "phase $1"
  case $1 in starting | ready | failed) tell phase "$1" "$TRIES" ;; *) tell phase "$1" 2 ;; esac
}

fail() {
  log "failed: $1"
  tell error "$1" "$TRIES"
  phase failed
  exit 1
}

# -- metadata --------------------------------------------------------------------------------------------------------

# attribute NAME: its value; fails when the instance has none of that name.
attribute() { curl -sf -m 10 --retry 5 --retry-connrefused -H 'Metadata-Flavor: Google' "$METADATA/instance/attributes/$1"; }

required() { attribute "$1" || fail "metadata attribute $1 is missing"; }

# json_text KEY: the string value of KEY in the JSON on standard input; enough for the two answers read here.
json_text() { tr -d '\n' | sed -n 's/.*"'"$1"'"[[:space:]]*:[[:space:]]*"\([^"]*\)".*/\1/p'; }

# -- the data disk ---------------------------------------------------------------------------------------------------

wait_for_disk() { # DEVICE
  wait_left=$TRIES
  until [ -e "$1" ]; do
    wait_left=$((wait_left - 1))
    [ "$wait_left" -gt 0 ] || fail "the data disk $1 did not appear"
    sleep "$PAUSE"
  done
}

# format_if_new DEVICE NAME: makes a file system only when the disk provably holds nothing (blkid -p exits 2: no
# signature found, and every other code means something else) and whoever made the disk says that it is new.
format_if_new() {
  format_code=0
  blkid -p "$1" >/dev/null 2>&1 || format_code=$?
  case $format_code in
    0) return 0 ;;
    2) ;;
    *) fail "cannot tell what is on the data disk (blkid exits $format_code); nothing was changed on it" ;;
  esac
  [ "$(attribute memdeploy-format)" = "$2" ] ||
    fail "the data disk holds no file system and is not known to be new; nothing was changed on it"
  log "formatting the new disk $1"
  mkfs.ext4 -q -m 0 -E lazy_itable_init=0,lazy_journal_init=0,discard "$1" >&2 || fail "the new data disk could not be formatted"
}

mount_data() {
  if ! mountpoint -q "$MOUNT"; then
    mount_name=$(required memdeploy-device) || exit 1
    wait_for_disk "$BY_ID/google-$mount_name"
    format_if_new "$BY_ID/google-$mount_name" "$mount_name"
    mkdir -p "$MOUNT" || fail "cannot make $MOUNT"
    # A file system that was in use when the machine stopped is repaired by its journal; fsck takes care of the rest.
    fsck.ext4 -p "$BY_ID/google-$mount_name" >&2
    [ $? -le 1 ] || fail "the file system of the data disk needs repair by hand (fsck.ext4)"
    mount -t ext4 -o discard,nodev,nosuid "$BY_ID/google-$mount_name" "$MOUNT" || fail "the data disk could not be mounted"
    resize2fs "$BY_ID/google-$mount_name" >/dev/null 2>&1 || log "the file system was not grown"
  fi
  mkdir -p "$MOUNT/data" "$MOUNT/logs" || fail "the data disk cannot be written"
  chown "$OWNER" "$MOUNT/data" "$MOUNT/logs" || fail "the data disk cannot be written"
}

# -- secrets ---------------------------------------------------------------------------------------------------------

# prepare_tmpfs: an empty folder in memory; refuses a folder that would put secrets on a disk.
prepare_tmpfs() {
  mkdir -p "$RUN" || fail "cannot make $RUN"
  chmod 0711 "$RUN"
  [ "$(stat -f -c %T "$RUN")" = tmpfs ] || fail "$RUN is not in memory; secrets are not written to a disk"
  mkdir -p "$RUN/bolt" "$RUN/docker"
}

# sign_in: the account's token, as a header in a file so that it never is an argument.
sign_in() {
  sign_in_left=$TRIES
  until sign_in_token=$(curl -sf -m 10 -H 'Metadata-Flavor: Google' "$METADATA/instance/service-accounts/default/token" |
    json_text access_token) && [ -n "$sign_in_token" ]; do
    sign_in_left=$((sign_in_left - 1))
    [ "$sign_in_left" -gt 0 ] || fail "the machine's service account gives no token"
    sleep "$PAUSE"
  done
  (umask 077 && printf 'Authorization: Bearer %s\n' "$sign_in_token" >"$RUN/header" && printf '%s' "$sign_in_token" >"$RUN/token")
  sign_in_token=
}

# secret VERSION: its payload. Access that was just granted takes minutes to reach everywhere, so it is asked again,
# with a token of its own each time: the first may be near its end.
secret() {
  secret_left=$SPREAD
  while :; do
    secret_code=$(curl -sS -m 20 -o "$RUN/answer" -w '%{http_code}' -H @"$RUN/header" "$SECRET_MANAGER/$1:access") || secret_code=000
    [ "$secret_code" != 200 ] || break
    secret_left=$((secret_left - 1))
    [ "$secret_left" -gt 0 ] || { rm -f "$RUN/answer"; return 1; }
    sleep "$PAUSE"
    sign_in
  done
  json_text data <"$RUN/answer" | tr -- '-_' '+/' | base64 -d
  rm -f "$RUN/answer"
}

pem_block() { sed -n "/-----BEGIN $1-----/,/-----END $1-----/p"; }

fetch_secrets() {
  umask 077
  fetch_password=$(required memdeploy-password) || exit 1
  fetch_tls=$(required memdeploy-tls) || exit 1
  { printf 'neo4j/' && secret "$fetch_password"; } >"$RUN/auth" || fail "cannot read the password ($fetch_password): answer $secret_code"
  secret "$fetch_tls" >"$RUN/pem" || fail "cannot read the TLS key ($fetch_tls): answer $secret_code"
  pem_block 'PRIVATE KEY' <"$RUN/pem" >"$RUN/bolt/private.key"
  pem_block CERTIFICATE <"$RUN/pem" >"$RUN/bolt/public.crt"
  rm -f "$RUN/pem"
  [ "$(cat "$RUN/auth")" != neo4j/ ] || fail "the password ($fetch_password) is empty"
  if ! [ -s "$RUN/bolt/private.key" ] || ! [ -s "$RUN/bolt/public.crt" ]; then
    fail "the TLS secret ($fetch_tls) holds no key and certificate"
  fi
  chmod 0400 "$RUN/auth" "$RUN/bolt/private.key"
  chmod 0444 "$RUN/bolt/public.crt"
  chmod 0555 "$RUN/bolt"
  chown -R "$OWNER" "$RUN/auth" "$RUN/bolt" || fail "the secrets cannot be given to the image's user"
  umask 022
}

# -- network ---------------------------------------------------------------------------------------------------------

# Container-Optimized OS drops incoming connections by default; the network's own firewall still decides who arrives.
open_bolt() {
  bolt_sources=$(required memdeploy-sources) || exit 1
  iptables -w -C INPUT -p tcp --dport 7687 -s "$bolt_sources" -j ACCEPT 2>/dev/null ||
    iptables -w -I INPUT -p tcp --dport 7687 -s "$bolt_sources" -j ACCEPT ||
    fail "port 7687 could not be opened in the machine's own firewall"
}

# -- Neo4j -----------------------------------------------------------------------------------------------------------

# memory_shares MB: `heap pagecache` in MB: a quarter each, the rest is for the system, the JVM and transactions.
memory_shares() {
  share=$(($1 / 4))
  [ "$share" -ge 512 ] || share=512
  [ "$share" -le 16384 ] || share=16384
  pages=$share
  [ "$1" -ge 3000 ] || pages=256
  printf '%s %s\n' "$share" "$pages"
}

machine_memory() { attribute memdeploy-memory || kernel_memory; }

kernel_memory() { echo $(($(sed -n 's/^MemTotal: *\([0-9]*\) kB$/\1/p' /proc/meminfo) / 1024)); }

pull_image() { # IMAGE
  export DOCKER_CONFIG="$RUN/docker" # the login stays in memory too
  pull_left=$SPREAD
  until pull_said=$(docker login -u oauth2accesstoken --password-stdin "${1%%/*}" <"$RUN/token" 2>&1 &&
    docker pull -q "$1" 2>&1); do
    pull_left=$((pull_left - 1))
    [ "$pull_left" -gt 0 ] || fail "cannot pull $1: $(printf '%s' "$pull_said" | tail -n 1 | cut -c 1-300)"
    sleep "$PAUSE"
    sign_in
  done
  rm -rf "$RUN/token" "$RUN/header" "$RUN/docker"
}

# `--mount` and not `-v`: should docker start the container before this script ran (after a reboot), a source that is
# not there is an error and not an empty folder.
start_neo4j() { # IMAGE
  docker rm -f "$CONTAINER" >/dev/null 2>&1
  # shellcheck disable=SC2046 # two numbers
  set -- "$1" $(memory_shares "$(machine_memory)")
  docker run -d --name "$CONTAINER" --network host --restart unless-stopped --stop-timeout 120 \
    --log-driver json-file --log-opt max-size=20m --log-opt max-file=3 \
    --mount "type=bind,source=$MOUNT/data,target=/data" \
    --mount "type=bind,source=$MOUNT/logs,target=/logs" \
    --mount "type=bind,source=$RUN/auth,target=/run/secrets/auth,readonly" \
    --mount "type=bind,source=$RUN/bolt,target=/ssl/bolt,readonly" \
    -e NEO4J_AUTH_FILE=/run/secrets/auth \
    -e "NEO4J_server_memory_heap_initial__size=${2}m" \
    -e "NEO4J_server_memory_heap_max__size=${2}m" \
    -e "NEO4J_server_memory_pagecache_size=${3}m" \
    -e NEO4J_server_bolt_listen__address=0.0.0.0:7687 \
    -e NEO4J_server_bolt_tls__level=REQUIRED \
    -e NEO4J_server_http_enabled=false \
    -e NEO4J_dbms_ssl_policy_bolt_enabled=true \
    -e NEO4J_dbms_ssl_policy_bolt_base__directory=/ssl/bolt \
    -e NEO4J_dbms_ssl_policy_bolt_private__key=private.key \
    -e NEO4J_dbms_ssl_policy_bolt_public__certificate=public.crt \
    -e NEO4J_dbms_ssl_policy_bolt_client__auth=NONE \
    -e NEO4J_dbms_usage__report_enabled=false \
    "$1" >/dev/null || fail "Neo4j could not be started"
}

# The Bolt port answers a plain HTTP request too (for WebSocket clients): with our certificate and nothing else trusted
# this proves address, TLS and a server that listens.
wait_until_ready() { # ADDRESS
  ready_left=$TRIES
  until curl -s -m 5 -o /dev/null --cacert "$RUN/bolt/public.crt" "https://$1:7687/"; do
    [ "$(docker inspect -f '{{.State.Status}}' "$CONTAINER" 2>/dev/null)" != exited ] || fail "Neo4j stopped right after its start"
    [ "$(docker inspect -f '{{.RestartCount}}' "$CONTAINER" 2>/dev/null || echo 0)" -lt 5 ] || fail "Neo4j stops again and again"
    ready_left=$((ready_left - 1))
    [ "$ready_left" -gt 0 ] || fail "Neo4j does not answer on $1:7687"
    sleep "$PAUSE"
  done
}

main() {
  # In this order: guest attributes outlive a restart, and an earlier boot's `ready` must never stand beside our generation.
  phase starting
  tell generation "$(attribute memdeploy-generation)" "$TRIES"
  phase disk
  mount_data
  phase secrets
  prepare_tmpfs
  sign_in
  fetch_secrets
  phase image
  image=$(required memdeploy-image) || exit 1
  pull_image "$image"
  open_bolt
  phase running
  start_neo4j "$image"
  address=$(required memdeploy-address) || exit 1
  wait_until_ready "$address"
  phase ready
}

[ -n "${MEMDEPLOY_BOOT_LIBRARY:-}" ] || main "$@"
