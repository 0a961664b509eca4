//! `/outbox`: the mails of a laptop, for its own machine alone.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::Stdio,
};

use serde_json::{Value, json};
use shared::testing::server::{Server, command};
use tempfile::TempDir;

const EMAIL: &str = "james@yopmail.com";

/// An answer by its status, head and body.
struct Answer {
    status: String,
    head: String,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// Sends the head of a request, and returns the whole answer.
fn exchange(server: &Server, head: &str) -> String {
    let mut stream = TcpStream::connect(&server.address).unwrap();
    stream.write_all(format!("{head}connection: close\r\n\r\n").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Sends a GET with this target and these lines.
fn get(server: &Server, target: &str, lines: &str) -> Answer {
    let text = exchange(server, &format!("GET {target} HTTP/1.1\r\n{lines}"));
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().to_owned();
    Answer { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
}

fn host(server: &Server) -> String {
    format!("host: {}\r\n", server.address)
}

/// A server with one mail in its outbox: the code of a forgotten password.
fn with_a_mail(folder: &TempDir) -> Server {
    let mut server = Server::start(folder.path());
    assert_eq!(server.post("/create-account", &json!({"email": EMAIL, "password": "correct horse battery"})).0, 201);
    assert_eq!(server.post("/password/forgot", &json!({"email": EMAIL})).0, 200);
    let mut line = String::new();
    BufReader::new(server.process.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("Mail to james@yopmail.com (code_reset): code "), "{line}");
    server
}

#[test]
fn the_outbox_lists_its_mails_with_their_codes_and_shows_each() {
    let folder = TempDir::new().unwrap();
    let server = with_a_mail(&folder);
    let page = get(&server, "/outbox", &host(&server));
    assert_eq!(page.status, "307");
    assert!(page.head.contains("location: /#/outbox"), "{}", page.head);
    let list = get(&server, "/outbox/mails", &host(&server));
    assert_eq!(list.status, "200", "{}", list.body);
    for header in
        ["cache-control: no-store", "cross-origin-resource-policy: same-origin", "x-content-type-options: nosniff"]
    {
        assert!(list.head.contains(header), "{header}: {}", list.head);
    }
    assert!(!list.head.contains("access-control-allow"), "{}", list.head);
    let list = list.json();
    assert_eq!(list["folder"], folder.path().join("outbox").display().to_string());
    let [mail] = list["mails"].as_array().unwrap().as_slice() else { panic!("{list}") };
    let text = |name: &str| mail[name].as_str().unwrap();
    assert_eq!((text("to"), text("subject")), (EMAIL, format!("{} is your code for Latchkey", text("code")).as_str()));
    assert!(text("code").len() == 6 && text("at").ends_with('Z'), "{mail}");
    assert!(text("link").starts_with(&format!("http://{}/pages/reset#", server.address)), "{mail}");
    let path = format!("/outbox/mails/{}", text("id"));
    let shown = get(&server, &path, &host(&server)).json();
    assert_eq!((&shown["id"], &shown["code"], &shown["link"]), (&mail["id"], &mail["code"], &mail["link"]));
    assert!(shown["text"].as_str().unwrap().contains(text("code")), "{shown}");
    let html = get(&server, &format!("{path}/html"), &host(&server));
    assert!(html.status == "200" && html.body.contains(text("code")), "{}", html.head);
    for header in
        ["content-type: text/html; charset=utf-8", "content-security-policy: sandbox ", "referrer-policy: no-referrer"]
    {
        assert!(html.head.contains(header), "{header}: {}", html.head);
    }
    let config = get(&server, "/console/config.json", &host(&server)).json();
    assert_eq!(config["features"]["outbox_page"], true);
}

#[test]
fn no_page_of_another_site_no_other_name_and_no_proxy_gets_a_mail() {
    let folder = TempDir::new().unwrap();
    let server = with_a_mail(&folder);
    let (address, port) = (&server.address, server.address.rsplit(':').next().unwrap());
    let list = get(&server, "/outbox/mails", &host(&server)).json();
    let path = format!("/outbox/mails/{}", list["mails"][0]["id"].as_str().unwrap());
    let own = host(&server);
    let with = |line: &str| format!("{own}{line}\r\n");
    for lines in [
        // A name that an attacker points to this machine.
        format!("host: evil.example:{port}\r\n"),
        format!("host: evil.example:{port}\r\nsec-fetch-site: same-origin\r\norigin: http://evil.example:{port}\r\n"),
        format!("host: localhost.evil.example:{port}\r\n"),
        format!("host: 127.0.0.1.evil.example:{port}\r\n"),
        format!("host: 127.0.0.1@evil.example:{port}\r\n"),
        format!("host: evil.example@127.0.0.1:{port}\r\n"),
        format!("host: 0.0.0.0:{port}\r\n"),
        format!("host: 192.168.1.7:{port}\r\n"),
        format!("host: 2130706433:{port}\r\n"),
        "host: \r\n".to_owned(),
        // Pages of other sites, and of other servers on this machine.
        with("origin: https://evil.example"),
        with("origin: null"),
        with("origin: http://localhost:3000"),
        with(&format!("origin: https://{address}")),
        with(&format!("origin: http://{address}.evil.example")),
        with("sec-fetch-site: cross-site"),
        with("sec-fetch-site: same-site"),
        with("sec-fetch-site: "),
        with("sec-fetch-site: same-origin\r\nsec-fetch-site: cross-site"),
        // Proxies and tunnels.
        with("x-forwarded-for: 203.0.113.7"),
        with("x-forwarded-host: login.example"),
        with("forwarded: for=203.0.113.7"),
        with("via: 1.1 proxy"),
        with("x-real-ip: 203.0.113.7"),
        with("cf-connecting-ip: 203.0.113.7"),
    ] {
        for path in ["/outbox/mails", &path, &format!("{path}/html")] {
            let answer = get(&server, path, &lines);
            let is_refused = answer.status == "403" && answer.json()["code"] == "cross_origin";
            // The server itself refuses some of these hosts as no host at all.
            assert!(is_refused || answer.status == "400", "{path} {lines:?}: {} {}", answer.head, answer.body);
            assert!(
                !answer.head.contains("access-control-allow") && !answer.body.contains(EMAIL),
                "{lines:?}: {}",
                answer.head
            );
        }
    }
    let absolute = get(&server, "http://evil.example/outbox/mails", &own);
    assert_eq!(absolute.status, "403", "{}", absolute.body);
    let preflight =
        "OPTIONS /outbox/mails HTTP/1.1\r\norigin: https://evil.example\r\naccess-control-request-method: GET\r\n";
    let preflight = exchange(&server, &format!("{preflight}{own}")).to_ascii_lowercase();
    assert!(!preflight.contains("access-control-allow-origin"), "{preflight}");
    for lines in [
        with(&format!("origin: http://{address}\r\nsec-fetch-site: same-origin")),
        with("sec-fetch-site: none"),
        format!("host: localhost:{port}\r\norigin: http://localhost:{port}\r\n"),
        format!("host: [::1]:{port}\r\n"),
    ] {
        assert_eq!(get(&server, "/outbox/mails", &lines).status, "200", "{lines:?}");
    }
}

#[test]
fn no_file_but_a_mail_of_the_outbox_is_shown() {
    let folder = TempDir::new().unwrap();
    let server = with_a_mail(&folder);
    let outbox = folder.path().join("outbox");
    fs::write(outbox.join("notes.eml"), "Subject: x\r\n\r\nx").unwrap();
    fs::write(outbox.join("0197126e-7f2b-7c3a-9d4e-5f6071829300.eml"), [0xff, 0x00]).unwrap();
    for id in [
        "notes",
        "..%2fsigning-keys.json",
        "..%2f..%2f..%2f..%2fetc%2fpasswd%00aaaaaaaaaa",
        "%2e%2e",
        "0197126e-7f2b-7c3a-9d4e-5f6071829399",
        "0197126e-7f2b-7c3a-9d4e-5f60718293zz",
    ] {
        for path in [format!("/outbox/mails/{id}"), format!("/outbox/mails/{id}/html")] {
            assert_eq!(get(&server, &path, &host(&server)).status, "404", "{path}");
        }
    }
    let mails = get(&server, "/outbox/mails", &host(&server)).json();
    let subjects: Vec<_> =
        mails["mails"].as_array().unwrap().iter().map(|mail| mail["subject"].as_str().unwrap()).collect();
    assert!(subjects[0].ends_with("is your code for Latchkey"), "{subjects:?}");
    assert_eq!(subjects.len(), 1, "{subjects:?}");
}

/// There is no outbox at all where others may reach the server.
#[test]
fn there_is_no_outbox_where_others_may_reach_the_server_or_mails_go_elsewhere() {
    for (arguments, variables) in [
        (&["--host", "0.0.0.0"][..], &[][..]),
        (&["--behind-proxy"], &[]),
        (&[], &[("BEHIND_PROXY", "true")]),
        (&[], &[("TRUSTED_PROXY_SECRET", "Zk3vQ8wN1xR6tY0uI5oP2aS7dF4gH9jK")]),
        (&[], &[("ISSUER", "https://login.example")]),
        (&[], &[("PUBLIC_URL", "https://login.example")]),
        (&[], &[("CONSOLE", "off")]),
        (&[], &[("MAIL", "off")]),
    ] {
        let folder = TempDir::new().unwrap();
        let mut command = command(folder.path());
        let server = Server::spawn(command.args(arguments).envs(variables.iter().copied()).stderr(Stdio::null()));
        let is_proxied = arguments.contains(&"--behind-proxy") || variables.contains(&("BEHIND_PROXY", "true"));
        for path in ["/outbox", "/outbox/mails", "/outbox/mails/0197126e-7f2b-7c3a-9d4e-5f6071829399"] {
            let forwarded = if is_proxied { "x-forwarded-for: 127.0.0.1\r\n" } else { "" };
            let answer = get(&server, path, &format!("{}{forwarded}", host(&server)));
            assert_eq!(answer.status, "404", "{arguments:?} {variables:?} {path}: {}", answer.body);
        }
    }
}
