#!/bin/sh
# Builds the programs `latchkey` and `latchkey-deploy` for a release, and prints their folder.
#
#     tool.sh TARGET      x86_64-unknown-linux-gnu or aarch64-unknown-linux-gnu
#
# The programs need the C library of the system alone, of version 2.17 or later, which every Linux
# with glibc has since 2014. cargo-zigbuild must be on the PATH; `make release` puts it there.
set -eu
target=$1
floor=2.17
root=$(cd "$(dirname "$0")/../.." && pwd)
folder=${CARGO_TARGET_DIR:-$root/target}
. "$root/infra/release/flags.sh"

cd "$root"
# `latchkey version` tells both.
LATCHKEY_COMMIT=$(git rev-parse HEAD)
LATCHKEY_DATE=$(TZ=UTC git log -1 --format=%cd --date=format-local:%Y-%m-%d)
export LATCHKEY_COMMIT LATCHKEY_DATE
# rustup installs the standard library of a processor once.
rustup target list --installed 2>/dev/null | grep -qx "$target" || rustup target add "$target" >&2
cargo zigbuild --quiet --locked --profile tool --package latchkey --bin latchkey --package deploy --bin latchkey-deploy --target "$target.$floor" >&2
echo "$folder/$target/tool"
