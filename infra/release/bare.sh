#!/bin/sh
# Proves a release's archive of the tool on a bare root: a system without Rust, Python and Node. It
# runs, serves, logs in, backs up while it serves, outlives a kill, and restores.
#
#     bare.sh ARCHIVE ROOT      as root; ROOT is a folder that debootstrap made, or any other system
#
# busybox is copied there, for its HTTP client. The network of the process is its own.
set -eu
archive=$(realpath "$1")
root=$(realpath "$2")
[ "${INSIDE:-}" = yes ] || INSIDE=yes exec unshare --net --mount --pid --fork --kill-child "$0" "$archive" "$root"
ip link set lo up 2>/dev/null || busybox ip link set lo up
for program in cargo rustc python3 node npm cc; do
    [ ! -e "$root/usr/bin/$program" ] && [ ! -e "$root/usr/local/bin/$program" ] || { echo "bare.sh: $root has $program." >&2; exit 1; }
done
mount --bind "$root" "$root"
mount -t tmpfs tmpfs "$root/opt"
mount -t proc proc "$root/proc"
mount -t tmpfs tmpfs "$root/dev"
for device in null zero random urandom; do touch "$root/dev/$device" && mount --bind "/dev/$device" "$root/dev/$device"; done
cp "$(command -v busybox)" "$root/opt/busybox"
cp "$archive" "$root/opt/latchkey.tar.gz"
cat > "$root/opt/walk.sh" <<'END'
set -eu
cd /opt
started=$(cut -d' ' -f1 /proc/uptime)
gunzip -c latchkey.tar.gz | tar -xf -
cd latchkey-*-linux-*
PATH=$PWD:/opt:/usr/bin:/bin
base=http://127.0.0.1:8080
say() { echo "bare root: $1"; }
post() { busybox wget -q -O - --header 'content-type: application/json' --post-data "$2" "$base$1"; }
serve() {
    latchkey serve --data-dir "$1" > /opt/log 2>&1 &
    server=$!
    tries=0
    until latchkey health > /dev/null 2>&1; do
        tries=$((tries + 1))
        [ $tries -lt 100 ] || { cat /opt/log; exit 1; }
        busybox usleep 50000
    done
}
account='{"email":"bare@example.com","password":"correct horse battery"}'
latchkey version
serve /opt/data
say "listens $(busybox awk -v a="$started" '{ printf "%.1f", $1 - a }' /proc/uptime) seconds after the archive was opened"
post /create-account "$account" > /opt/session
post /login "$account" | grep -q '"access_token"'
say "logs in"
latchkey backup /opt/latchkey.tar --data-dir /opt/data
say "backs up while it serves"
kill -9 $server
wait $server || true
serve /opt/data
post /login "$account" | grep -q '"access_token"'
say "lost nothing by kill -9"
kill $server
wait $server
latchkey restore /opt/latchkey.tar --data-dir /opt/restored
serve /opt/restored
token=$(sed 's/.*"refresh_token":"\([^"]*\)".*/\1/' /opt/session)
post /refresh "{\"refresh_token\":\"$token\"}" | grep -q '"access_token"'
post /login "$account" | grep -q '"access_token"'
say "restores: the account logs in and its session goes on"
kill $server
wait $server
END
chroot "$root" /bin/sh /opt/walk.sh
