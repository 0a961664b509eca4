# The flags with which two machines build the same bytes. A script that builds reads this file, with
# `root` and `folder` set: the repository and the target folder. No path of the machine may stay in
# a program, neither of a Rust source nor of a C source.
cargo_home=${CARGO_HOME:-$HOME/.cargo}
# Where two prefixes match, rustc uses the last.
unit=$(printf '\037')
CARGO_ENCODED_RUSTFLAGS="--remap-path-prefix=$cargo_home/registry/src=/registry${unit}--remap-path-prefix=$root=/latchkey${unit}--remap-path-prefix=$folder=/target"
CFLAGS="-ffile-prefix-map=$cargo_home/registry/src=/registry -ffile-prefix-map=$folder=/target"
export CARGO_ENCODED_RUSTFLAGS CFLAGS
