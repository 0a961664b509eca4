#!/bin/sh
# Verifies the files of this folder with the programs that read them, as far as they are here:
# systemd-analyze, caddy and nginx. `make server` runs it.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

if command -v systemd-analyze >/dev/null; then
    # The program need not be installed on this machine.
    for unit in latchkey.service latchkey-backup.service latchkey-backup.timer; do
        sed 's|/usr/local/bin/latchkey|/bin/true|' "$here/$unit" > "$scratch/$unit"
    done
    systemd-analyze verify "$scratch"/latchkey*
    # The exposure of 10 that systemd counts, times ten. A service without any of its limits has 96.
    for unit in latchkey.service latchkey-backup.service; do
        systemd-analyze security --offline=true --no-pager --threshold=20 "$scratch/$unit" > "$scratch/security" ||
            { cat "$scratch/security"; exit 1; }
        tail -n 1 "$scratch/security"
    done
else
    echo "systemd-analyze is not here: THE UNITS WERE NOT VERIFIED."
fi

if command -v caddy >/dev/null; then
    caddy validate --adapter caddyfile --config "$here/Caddyfile" >"$scratch/caddy" 2>&1 || { cat "$scratch/caddy"; exit 1; }
    echo "Caddyfile: valid"
fi
if command -v nginx >/dev/null && command -v openssl >/dev/null; then
    openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=login.example \
        -keyout "$scratch/privkey.pem" -out "$scratch/fullchain.pem" 2>/dev/null
    sed "s|/etc/letsencrypt/live/login.example|$scratch|" "$here/nginx.conf" > "$scratch/site.conf"
    printf 'pid %s/pid;\nerror_log stderr;\nevents {}\nhttp { access_log off; include %s/site.conf; }\n' "$scratch" "$scratch" \
        > "$scratch/nginx.conf"
    nginx -t -q -c "$scratch/nginx.conf"
    echo "nginx.conf: valid"
fi
