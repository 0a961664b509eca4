#!/bin/sh
# Builds all functions for a release, and prints the folder with them.
#
#     functions.sh ARCH      x86_64 or arm64
#
# cargo-lambda and Zig must be on the PATH; `make release` puts them there.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
folder=${CARGO_TARGET_DIR:-$root/target}
. "$root/infra/release/flags.sh"
case $1 in
    arm64) flag=--arm64 ;;
    x86_64) flag=--x86-64 ;;
    *) echo "functions.sh: the processor is x86_64 or arm64, not '$1'." >&2; exit 2 ;;
esac
cd "$root"
cargo lambda build --release --locked "$flag" --lambda-dir "$folder/release-functions/$1" >&2
echo "$folder/release-functions/$1"
