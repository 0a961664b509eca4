//! The start of the program. The walks run it, and cargo builds a program for them only beside a
//! test of its package.

use std::process::Command;

#[test]
fn a_wrong_setting_fails_the_start_and_is_named() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rotate-keys"));
    let output = command.env_clear().env("LOG_LEVEL", "loud").output().unwrap();
    let log = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert_eq!(output.status.code(), Some(2), "{log}");
    assert!(log.contains("LOG_LEVEL must be error, warn, info, debug or trace."), "{log}");
}
