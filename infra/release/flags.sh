# The flags with which two machines build the same bytes. A script that builds reads this file, with
# `root` and `folder` set: the repository and the target folder. No path of the machine may stay in
# a program, neither of a Rust source nor of a C source. cargo-lambda adds the kind of processor to
# RUSTFLAGS, and would lose it beside CARGO_ENCODED_RUSTFLAGS.
cargo_home=${CARGO_HOME:-$HOME/.cargo}
case $cargo_home$root$folder in
    *' '*) echo "release: a path with a space cannot be replaced: $cargo_home, $root, $folder" >&2; exit 1 ;;
esac
# Where two prefixes match, rustc uses the last.
RUSTFLAGS="--remap-path-prefix=$cargo_home/registry/src=/registry --remap-path-prefix=$root=/latchkey --remap-path-prefix=$folder=/target"
CFLAGS="-ffile-prefix-map=$cargo_home/registry/src=/registry -ffile-prefix-map=$folder=/target"
export RUSTFLAGS CFLAGS
unset CARGO_ENCODED_RUSTFLAGS
