#!/bin/sh
# Makes the files of a release: `make release VERSION=0.2.0`.
#
#     release.sh VERSION [PART…]
#
# The parts are tool-x86_64, tool-arm64, functions-x86_64, functions-arm64 and sbom; all of them
# unless some are named. The files are in the folder dist.
set -eu
version=${1:-}
[ $# -gt 1 ] || set -- "$version" tool-x86_64 tool-arm64 functions-x86_64 functions-arm64 sbom
shift
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
"$here/check.sh" "$version"
# The time of the commit, so that a later build has the same bytes.
SOURCE_DATE_EPOCH=$(git -C "$root" log -1 --format=%ct)
export SOURCE_DATE_EPOCH
built=$(mktemp -d)
trap 'rm -rf "$built"' EXIT

for part in "$@"; do
    processor=${part#*-}
    case $part in
        tool-x86_64) programs=$("$here/tool.sh" x86_64-unknown-linux-gnu) ;;
        tool-arm64) programs=$("$here/tool.sh" aarch64-unknown-linux-gnu) ;;
        functions-*) functions=$("$here/functions.sh" "$processor") ;;
        sbom) "$here/sbom.sh" "$built/sbom" ;;
        *) echo "release.sh: there is no part $part." >&2; exit 2 ;;
    esac
    case $part in
        tool-*) mkdir -p "$built/$processor" && cp "$programs/latchkey" "$programs/latchkey-deploy" "$built/$processor" ;;
        functions-*) mkdir -p "$built/$processor" && cp -r "$functions" "$built/$processor/functions" ;;
    esac
done
rm -rf "$root/dist"
"$here/pack.sh" "$version" "$built" "$root/dist"
ls -l "$root/dist"
