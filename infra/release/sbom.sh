#!/bin/sh
# Writes the list of all crates of the tool and of the functions, as CycloneDX, to a file.
#
#     sbom.sh FILE
#
# cargo-cyclonedx must be on the PATH; `make release` puts it there. SOURCE_DATE_EPOCH is its time.
set -eu
out=$1
root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"
# It writes a file beside each manifest of the workspace. The tool depends on every function that
# answers requests, and so its file has the whole tree.
name=release-sbom
cargo cyclonedx --quiet --manifest-path infra/cli/Cargo.toml --format json --override-filename "$name"
mv "infra/cli/$name.json" "$out"
find functions infra shared -name "$name.json" -not -path '*/target/*' -delete
