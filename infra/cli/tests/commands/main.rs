//! Every command of README and of the documents. It runs as it is written if it can run here: the
//! calls of curl to `make run`, and `latchkey` on a data folder. The parts of the others are held:
//! the commands and options of `latchkey`, the targets of the Makefile, and the files.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod documents;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
};

use clap::CommandFactory;
use documents::{Written, commands, documents, named, root};
use latchkey::command_line::Latchkey;
use regex_lite::Regex;
use serde_json::Value;
use shared::testing::{
    Google, Reply,
    server::{Server, command},
};
use tempfile::TempDir;

/// The commands whose exit code is not 0 here, with the reason.
const OTHER_CODES: [(&str, i32, &str); 5] = [
    ("latchkey users invite EMAIL", 1, "the person has a password already"),
    ("latchkey users invite WHO", 1, "the person has a password already"),
    ("latchkey keys generate", 1, "the data folder has keys already"),
    ("latchkey webhook test", 2, "no endpoint is set"),
    ("latchkey users delete WHO", 2, "there is no terminal to ask at"),
];

/// The commands that do not run here, by their beginning, with the reason.
const NOT_RUN: [(&str, &str); 8] = [
    ("latchkey deploy", "it needs an account of AWS; its own tests have one"),
    ("latchkey stack", "it needs an account of AWS; its own tests have one"),
    ("latchkey users import users.jsonl --data-dir", "it needs a second data folder; its own tests have one"),
    ("latchkey serve", "it runs until it is stopped; a server runs beside these commands"),
    ("latchkey health", "it asks the port 8080; its own tests have a server"),
    ("latchkey smoke", "it needs a deployed API; its own tests have one"),
    ("latchkey keys put-service-account", "it needs Secrets Manager; its own tests have one"),
    ("latchkey doctor --url", "it needs a deployed API; its own tests have one"),
];

/// The address of `make run` in the documents.
const ADDRESS: &str = "127.0.0.1:8080";
/// A password of the documents, for the commands that read one.
const PASSWORD: &str = "correct horse battery\n";

/// A server, and a shell beside it.
struct Machine {
    folder: TempDir,
    server: Server,
    google: Google,
}

impl Machine {
    async fn start(settings: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().unwrap();
        let mut program = command(&folder.path().join("data"));
        let server = Server::spawn(program.envs(settings.iter().copied()).stderr(Stdio::null()));
        fs::write(folder.path().join("account.json"), shared::testing::service_account()).unwrap();
        fs::write(folder.path().join("FILE"), "{\"email\": \"imported@example.com\"}\n").unwrap();
        write_exports(folder.path());
        Self { folder, server, google: Google::start(Reply::certificates(&[(0, "k")]).dated(0)).await }
    }

    /// Runs a command in a shell that finds this program.
    fn run(&self, text: &str) -> Output {
        let programs = Path::new(env!("CARGO_BIN_EXE_latchkey")).parent().unwrap().display().to_string();
        let mut shell = Command::new("sh");
        shell.args(["-c", text]).current_dir(self.folder.path()).env_clear();
        shell.env("PATH", format!("{programs}:/usr/local/bin:/usr/bin:/bin"));
        shell.env("DATA_DIR", self.folder.path().join("data"));
        shell.env("ISSUER", format!("http://{}", self.server.address)).env("FIREBASE_CERTS_URL", self.google.url());
        shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = shell.spawn().unwrap();
        // The command may end without a look at its input.
        let _ = process.stdin.take().unwrap().write_all(PASSWORD.as_bytes());
        process.wait_with_output().unwrap()
    }

    /// Calls the server with a command of the documents. Returns the status and the answer.
    fn call(&self, curl: &str) -> (u16, Value) {
        let output = self.run(&format!("{} -w '\\n%{{http_code}}'", curl.replace(ADDRESS, &self.server.address)));
        let text = String::from_utf8(output.stdout.clone()).unwrap();
        let (body, status) = text.rsplit_once('\n').unwrap_or_else(|| panic!("{curl}: {output:?}"));
        (status.parse().unwrap(), serde_json::from_str(body).unwrap())
    }

    /// The id of a key that signs.
    fn kid(&self) -> String {
        let listed: Vec<Value> = serde_json::from_slice(&self.run("latchkey keys list --json").stdout).unwrap();
        let signs = |key: &&Value| key["state"] == "signing" && key["use"] == "access";
        listed.iter().find(signs).unwrap()["kid"].as_str().unwrap().to_owned()
    }
}

/// The files of other systems that the guide for moving here has.
fn write_exports(folder: &Path) {
    const SIGNER_KEY: &str = "jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==";
    const HASH: &str = "lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==";
    let config = format!(
        "hash_config {{\n  algorithm: SCRYPT,\n  base64_signer_key: {SIGNER_KEY},\n  base64_salt_separator: Bw==,\n  rounds: \
         8,\n  mem_cost: 14,\n}}\n"
    );
    let user = format!(
        "{{\"localId\": \"u\", \"email\": \"fire@example.com\", \"passwordHash\": \"{HASH}\", \"salt\": \"42xEC+ixf3L2lw==\"}}"
    );
    for (name, text) in [
        ("hash-config.txt", config),
        ("users.json", format!("{{\"users\": [\n{user}]}}")),
        ("auth0.json", "{\"_id\":{\"$oid\":\"5f1b\"},\"email\":\"auth0@example.com\"}\n".to_owned()),
        ("cognito.json", r#"{"Users":[{"Attributes":[{"Name":"email","Value":"cognito@example.com"}]}]}"#.to_owned()),
        ("users.csv", "id,email,encrypted_password\n7f,supabase@example.com,\n".to_owned()),
    ] {
        fs::write(folder.join(name), text).unwrap();
    }
    let better_auth =
        "CREATE TABLE user (id TEXT, email TEXT); CREATE TABLE account (userId TEXT, providerId TEXT, password TEXT);
         INSERT INTO user VALUES ('b', 'better@example.com')";
    let pocketbase = "CREATE TABLE _collections (name TEXT, type TEXT); INSERT INTO _collections VALUES ('users', 'auth');
         CREATE TABLE users (id TEXT, email TEXT, password TEXT); INSERT INTO users VALUES ('p', 'pocket@example.com', '')";
    fs::create_dir(folder.join("pb_data")).unwrap();
    for (name, statements) in [("better-auth.db", better_auth), ("pb_data/data.db", pocketbase)] {
        rusqlite::Connection::open(folder.join(name)).unwrap().execute_batch(statements).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_that_can_run_here_runs_as_it_is_written() {
    let machine = Machine::start(&[]).await;
    let (mut statuses, mut token, mut ran) = (Vec::new(), String::new(), 0);
    for written in documents().iter().flat_map(|document| commands(document)) {
        let Written { place, text } = &written;
        if text.starts_with("curl ") && text.contains(ADDRESS) {
            let (status, answer) = machine.call(text);
            statuses.push(status);
            token = answer["access_token"].as_str().map_or(token, str::to_owned);
        } else if runs_here(&written) {
            let filled = filled(&written, &machine, &token);
            let output = machine.run(&filled);
            let code = OTHER_CODES.iter().find(|(command, ..)| command == text).map_or(0, |(_, code, _)| *code);
            assert_eq!(output.status.code(), Some(code), "{place}: {filled}: {output:?}");
            ran += 1;
        }
    }
    // README says so below the calls.
    assert_eq!(statuses[..3], [201, 200, 401]);
    assert!(ran >= 15, "only {ran} commands ran");
}

/// The lines of curl in a guide, or in the page for browsers without JavaScript.
fn curl_lines(document: &str) -> Vec<Written> {
    let mut lines: Vec<Written> =
        commands(document).into_iter().filter(|written| written.text.starts_with("curl ")).collect();
    let line = Regex::new(r"<code>(curl [^<]+)</code>").unwrap();
    let text = fs::read_to_string(root().join(document)).unwrap();
    let found = line.captures_iter(&text);
    lines.extend(found.map(|found| Written { place: document.to_owned(), text: found[1].to_owned() }));
    lines
}

#[tokio::test(flavor = "multi_thread")]
async fn every_line_of_curl_in_a_guide_runs_as_it_is_written() {
    let machine = Machine::start(&[("RATE_LIMITS", "off")]).await;
    let mut ran = 0;
    let guides = documents().into_iter().filter(|document| document.starts_with("docs/guides/"));
    for (index, guide) in guides.chain(["functions/console/assets/index.html".to_owned()]).enumerate() {
        let mut session = Value::Null;
        for Written { place, text } in curl_lines(&guide) {
            let url = format!("http://{ADDRESS}");
            let text = text.replace("https://YOUR-URL", &url).replace("{base}", &url);
            // Each guide begins without an account.
            let text = text.replace("ada@example.com", &format!("ada-{index}@example.com"));
            let of_session = |name: &str| session[name].as_str().unwrap_or_default().to_owned();
            let text = text.replace("ACCESS_TOKEN", &of_session("access_token"));
            let text = text.replace("REFRESH_TOKEN", &of_session("refresh_token"));
            let (status, answer) = machine.call(&text);
            assert!((200..300).contains(&status), "{place}: {text}: {status} {answer}");
            if answer["access_token"].is_string() {
                session = answer;
            }
            ran += 1;
        }
    }
    assert!(ran >= 15, "only {ran} lines ran");
}

/// Whether a command is `latchkey` with values that this test knows, and nothing of AWS's.
fn runs_here(written: &Written) -> bool {
    let text = &written.text;
    let known = ["EMAIL", "WHO", "KID", "FILE", "TEXT", "U"];
    let placeholder = Regex::new(r"^[A-Z][A-Z_-]*$").unwrap();
    let program = text.strip_prefix("pbpaste | ").unwrap_or(text);
    program.starts_with("latchkey ")
        && !text.contains(['…', '$'])
        && !NOT_RUN.iter().any(|(begin, _)| program.starts_with(begin))
        && written.words().iter().all(|word| !placeholder.is_match(word) || known.contains(&word.as_str()))
}

/// The command with the values that a reader puts in.
fn filled(written: &Written, machine: &Machine, token: &str) -> String {
    let text = written.text.replace("pbpaste |", &format!("printf %s '{token}' |"));
    let kid = if text.contains("KID") { machine.kid() } else { String::new() };
    let fill = |word: &str| match word {
        "EMAIL" | "WHO" => "reader@example.com".to_owned(),
        "KID" => kid.clone(),
        word => word.to_owned(),
    };
    text.split(' ').map(fill).collect::<Vec<_>>().join(" ")
}

#[test]
fn every_command_and_option_of_the_tool_and_every_target_and_file_exists() {
    let targets = targets();
    let mut faults = Vec::new();
    let mut seen = (0, 0);
    for document in documents() {
        let mut all = commands(&document);
        all.extend(named(&document));
        for written in all {
            let words = written.words();
            if let Some(arguments) = written.arguments().filter(|_| words[0] != "make") {
                faults.extend(unknown(&arguments).map(|word| format!("{}: latchkey has no {word}", written.place)));
                seen.0 += 1;
            }
            if words[0] == "make" {
                let named =
                    words[1..].iter().filter(|word| word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'));
                let missing = named.take(1).filter(|target| !targets.contains(*target));
                faults.extend(missing.map(|target| format!("{}: make has no target {target}", written.place)));
                seen.1 += 1;
            }
            let missing = words.iter().filter(|word| is_file_of_ours(word) && !root().join(word).exists());
            faults.extend(missing.map(|file| format!("{}: there is no {file}", written.place)));
        }
    }
    assert!(seen.0 >= 40 && seen.1 >= 20, "only {seen:?} were found");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_units_of_one_server_start_commands_that_exist() {
    for unit in ["latchkey.service", "latchkey-backup.service"] {
        let text = fs::read_to_string(root().join("infra/server").join(unit)).unwrap();
        let started = text.lines().find_map(|line| line.strip_prefix("ExecStart=/usr/local/bin/latchkey ")).unwrap();
        let arguments: Vec<String> = started.split(' ').map(str::to_owned).collect();
        assert_eq!(unknown(&arguments), None, "{unit}");
    }
}

fn targets() -> BTreeSet<String> {
    let makefile = fs::read_to_string(root().join("Makefile")).unwrap();
    let target = Regex::new(r"(?m)^([a-z][a-z-]*):").unwrap();
    target.captures_iter(&makefile).map(|found| found[1].to_owned()).collect()
}

fn is_file_of_ours(word: &str) -> bool {
    ["docs/", "functions/", "infra/", "shared/"].iter().any(|folder| word.starts_with(folder))
        && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte))
}

/// The first word that is neither a command, nor an option, nor the value of one.
fn unknown(arguments: &[String]) -> Option<String> {
    let mut command = Latchkey::command();
    command.build();
    for argument in arguments {
        if let Some(option) = argument.strip_prefix("--") {
            let name = option.split('=').next().unwrap();
            if !["help", "version"].contains(&name)
                && !command.get_arguments().any(|known| known.get_long() == Some(name))
            {
                return Some(argument.clone());
            }
        } else if let Some(next) = command.find_subcommand(argument) {
            command = next.clone();
        } else if command.has_subcommands() && argument.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-') {
            return Some(argument.clone());
        }
    }
    None
}

#[test]
fn each_help_has_examples_and_fits_a_terminal_and_every_shell_has_completions() {
    fn each(command: &clap::Command, path: &str, seen: &mut usize) {
        for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
            let path = format!("{path} {}", sub.get_name());
            let words = path.split(' ').skip(1);
            let output =
                Command::new(env!("CARGO_BIN_EXE_latchkey")).args(words).arg("--help").env("COLUMNS", "80").output();
            let text = String::from_utf8(output.unwrap().stdout).unwrap();
            assert!(text.contains("--quiet") && text.contains("Examples:\n  "), "{path}: {text}");
            assert!(text.contains(&format!("{path} ")) || text.contains(&format!("{path}\n")), "{path}: {text}");
            *seen += 1;
            each(sub, &path, seen);
        }
    }
    let mut seen = 0;
    each(&Latchkey::command(), "latchkey", &mut seen);
    assert!(seen > 15, "only {seen} commands");
    for group in ["serve", "keys", "users", "token", "doctor", "smoke", "completions"] {
        let output = Command::new(env!("CARGO_BIN_EXE_latchkey")).args([group, "--help"]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains("Examples:") && text.contains(&format!("latchkey {group}")), "{group}: {text}");
    }
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let output = Command::new(env!("CARGO_BIN_EXE_latchkey")).args(["completions", shell]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && text.contains("put-service-account"), "{shell}");
    }
}

#[test]
fn a_flag_that_commands_share_is_one_flag_everywhere() {
    fn each(command: &clap::Command, helps: &mut BTreeMap<String, BTreeSet<String>>) {
        for flag in command.get_arguments().filter_map(|flag| Some((flag.get_long()?, flag.get_help()?))) {
            helps.entry(flag.0.to_owned()).or_default().insert(flag.1.to_string());
        }
        command.get_subcommands().for_each(|sub| each(sub, helps));
    }
    let mut helps = BTreeMap::new();
    each(&Latchkey::command(), &mut helps);
    for flag in ["data-dir", "json", "quiet"] {
        assert_eq!(helps[flag].len(), 1, "--{flag}: {:?}", helps[flag]);
    }
}

#[test]
fn wrong_use_has_the_exit_code_2_and_a_word_about_what_was_meant() {
    for (arguments, words) in [
        (&[][..], "Usage: latchkey"),
        (&["keys"], "Usage: latchkey keys"),
        (&["sreve"], "serve"),
        (&["keys", "rotat"], "rotate"),
        (&["keys", "list", "--jsno"], "--json"),
        (&["serve", "--prot", "8081"], "--port"),
        (&["serve", "8081"], "The port is one: latchkey serve --port 8081"),
        (&["serve", "now"], "latchkey serve has options alone, and now is none."),
        (&["serve", "--port", "http"], "a whole number from 0 to 65535 is expected"),
        (&["serve", "--dynamodb-port", "65536"], "a whole number from 0 to 65535 is expected"),
        (&["users", "list", "--limit", "all"], "a whole number from 1 to 4294967295 is expected"),
        (&["users", "set-role", "a@b.de", "admin"], "a whole number from 1 to 4294967295 is expected"),
        (&["users", "import", "a.csv", "--from-line", "0"], "a whole number from 1 is expected"),
        (&["completions", "tcsh"], "possible values: bash"),
        (&["serve", "--host", "http://localhost"], "--host must be an address or a name alone"),
        (&["serve", "--host", "localhost:8081"], "--port 8081"),
        (&["serve", "--host", "nowhere.invalid"], "nowhere.invalid has no address"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_latchkey")).args(arguments).env_clear().output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(2) && output.stdout.is_empty(), "{arguments:?}: {told}");
        assert!(told.contains(words), "{arguments:?}: {told}");
    }
    let output = Command::new(env!("CARGO_BIN_EXE_latchkey")).arg("--version").output().unwrap();
    assert!(output.status.success() && output.stdout.starts_with(b"latchkey "));
}

#[test]
fn the_version_names_the_build_of_a_release_and_says_where_there_is_none() {
    let version = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_latchkey")).arg("version").args(arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let number = env!("CARGO_PKG_VERSION");
    assert_eq!(version(&[]), format!("latchkey {number}, built from source: no release\n"));
    let build: Value = serde_json::from_str(&version(&["--json"])).unwrap();
    assert_eq!(build, serde_json::json!({"version": number, "commit": null, "date": null}));
}
