#!/bin/sh
# Writes the list of all crates of the tool and of each function, as CycloneDX, into a folder.
#
#     sbom.sh FOLDER
#
# cargo-cyclonedx must be on the PATH; `make release` puts it there. SOURCE_DATE_EPOCH is its time.
set -eu
out=$1
root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"
mkdir -p "$out"
# It writes a file beside each manifest of the workspace, with the path of each package of ours.
name=release-sbom
cargo cyclonedx --quiet --manifest-path infra/cli/Cargo.toml --format json --spec-version 1.5 --override-filename "$name"
for list in functions/*/"$name.json" infra/cli/"$name.json" infra/deploy/"$name.json"; do
    program=$(basename "$(dirname "$list")")
    case $list in
        infra/cli/*) program=latchkey ;;
        infra/deploy/*) program=latchkey-deploy ;;
    esac
    sed "s|file://$root|file:///latchkey|g" "$list" > "$out/$program.cdx.json"
done
find functions infra shared -name "$name.json" -not -path '*/target/*' -delete
