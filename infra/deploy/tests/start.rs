//! The program `latchkey-deploy` without an AWS: the files of a release, and wrong use. The tests
//! of `infra/tools/tests/test_stack.py` run it against an AWS that moto imitates.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use aws_lc_rs::digest::{SHA256, digest};
use flate2::{Compression, write::GzEncoder};
use tempfile::TempDir;

const TEMPLATE: &str = "\
Parameters: {TokenProfile: {Type: String}}
Resources:
  LoginFunction:
    Properties:
      CodeUri: functions/login.zip
";

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Runs the program here, with credentials and without a network that answers.
    fn run(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_latchkey-deploy"));
        command.args(arguments).current_dir(self.path()).env_clear().env("HOME", self.path());
        command.envs([("AWS_EC2_METADATA_DISABLED", "true"), ("AWS_REGION", ""), ("AWS_CONFIG_FILE", "/dev/null")]);
        let Output { status, stdout, stderr } = command.output().unwrap();
        (status.code(), String::from_utf8([stdout, stderr].concat()).unwrap())
    }

    /// Writes a release of these files, and its checksums.
    fn release(&self, name: &str, files: &[(&str, &str)]) -> PathBuf {
        let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        for (file, text) in files {
            let mut header = tar::Header::new_ustar();
            header.set_size(text.len() as u64);
            archive.append_data(&mut header, format!("{name}/{file}"), text.as_bytes()).unwrap();
        }
        let bytes = archive.into_inner().unwrap().finish().unwrap();
        let sum: String = digest(&SHA256, &bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        fs::write(self.path().join("SHA256SUMS"), format!("{sum}  {name}.tar.gz\n")).unwrap();
        let path = self.path().join(format!("{name}.tar.gz"));
        fs::write(&path, bytes).unwrap();
        path
    }

    #[track_caller]
    fn says(&self, arguments: &[&str], words: &str) {
        let (code, text) = self.run(arguments);
        assert_eq!(code, Some(1), "{text}");
        assert!(text.contains(words), "{text}");
    }
}

#[test]
fn a_release_that_is_missing_broken_or_another_file_is_a_sentence() {
    let folder = Folder::new();
    folder.says(&["deploy"], "There is no latchkey-VERSION-aws-arm64.tar.gz in this folder.");
    folder.says(&["deploy", "nothing.tar.gz"], "nothing.tar.gz cannot be read");
    folder.says(&["deploy", "."], "is no release for AWS");

    let whole = [("template.yaml", TEMPLATE), ("functions/login.zip", "zip")];
    let archive = folder.release("latchkey-0.2.0-aws-arm64", &whole);
    folder.says(&["deploy"], "No region: set AWS_REGION");
    let sums = fs::read_to_string(folder.path().join("SHA256SUMS")).unwrap();
    fs::write(folder.path().join("SHA256SUMS"), sums.replace("0.2.0", "0.1.0")).unwrap();
    folder.says(&["deploy"], "has no line for latchkey-0.2.0-aws-arm64.tar.gz");
    fs::write(folder.path().join("SHA256SUMS"), &sums).unwrap();
    let bytes = fs::read(&archive).unwrap();
    fs::write(&archive, &bytes[..bytes.len() - 9]).unwrap();
    folder.says(&["deploy"], "is not the file that was released");
    fs::remove_file(folder.path().join("SHA256SUMS")).unwrap();
    folder.says(&["deploy"], "cannot be unpacked");
    fs::write(&archive, bytes).unwrap();
    folder.says(&["deploy"], "no SHA256SUMS beside it");

    folder.release("latchkey-0.2.1-aws-arm64", &whole);
    folder.says(&["deploy"], "There are several releases here");
    folder.says(&["deploy"], "Name one: latchkey deploy latchkey-0.2.0-aws-arm64.tar.gz.");
    folder.release("odd", &[("template.yaml", TEMPLATE), ("functions/refresh.zip", "zip")]);
    folder.says(&["deploy", "odd.tar.gz"], "its template and its zips differ in login, refresh");
    folder.release("tool", &[("latchkey", "program")]);
    folder.says(&["deploy", "tool.tar.gz"], "tool.tar.gz is no release for AWS");
}

#[test]
fn wrong_use_has_the_exit_code_2() {
    let folder = Folder::new();
    for arguments in [&["deploy", "--parameter", "Note"][..], &["deploy", "--plan", "--yes"], &["stack"], &[]] {
        assert_eq!(folder.run(arguments).0, Some(2), "{arguments:?}");
    }
}
