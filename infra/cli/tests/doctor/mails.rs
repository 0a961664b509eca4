//! The sender of mails: the account and the identity at Amazon SES, and the records in the DNS.
//!
//! The DNS server answers real queries from a zone. The SES answers as the API reference says
//! (<https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_GetAccount.html>): no emulator has
//! quotas and the sandbox.

use std::net::SocketAddr;

use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use hickory_resolver::proto::{
    op::{Message, OpCode, ResponseCode},
    rr::{
        Name, RData, Record,
        rdata::{CNAME, MX, TXT},
    },
};
use serde_json::{Value, json};
use tokio::net::{TcpListener, UdpSocket};

use super::{data, doctor, line};

const TOKENS: [&str; 3] = ["aaa", "bbb", "ccc"];

/// A zone: names with their records.
type Zone = Vec<(String, RData)>;

fn text(name: &str, text: &str) -> (String, RData) {
    (name.to_owned(), RData::TXT(TXT::new(vec![text.to_owned()])))
}

fn alias(name: &str, other: &str) -> (String, RData) {
    (name.to_owned(), RData::CNAME(CNAME(Name::from_utf8(format!("{other}.")).unwrap())))
}

fn mail_server(name: &str, server: &str) -> (String, RData) {
    (name.to_owned(), RData::MX(MX::new(10, Name::from_utf8(format!("{server}.")).unwrap())))
}

/// The records that a stack asks for, all in place.
fn complete() -> Zone {
    let mut zone = vec![
        text("bounce.herbs.example", "v=spf1 include:amazonses.com ~all"),
        mail_server("bounce.herbs.example", "feedback-smtp.eu-central-1.amazonses.com"),
        text("_dmarc.herbs.example", "v=DMARC1; p=reject"),
    ];
    zone.extend(
        TOKENS.map(|token| alias(&format!("{token}._domainkey.herbs.example"), &format!("{token}.dkim.amazonses.com"))),
    );
    zone
}

fn without(name: &str) -> Zone {
    complete().into_iter().filter(|(own, _)| own != name).collect()
}

fn with(name: &str, records: impl IntoIterator<Item = (String, RData)>) -> Zone {
    without(name).into_iter().chain(records).collect()
}

/// Answers from a zone, at a port of its own, for the rest of the test.
async fn dns(zone: Zone) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 4_096];
        while let Ok((length, asker)) = socket.recv_from(&mut buffer).await {
            let asked = Message::from_vec(&buffer[..length]).unwrap();
            socket.send_to(&answer(&zone, &asked).to_vec().unwrap(), asker).await.unwrap();
        }
    });
    address
}

fn answer(zone: &Zone, asked: &Message) -> Message {
    let query = asked.queries[0].clone();
    let name = query.name().to_utf8().to_ascii_lowercase();
    let of_name: Vec<_> = zone.iter().filter(|(own, _)| format!("{own}.") == name).collect();
    let mut answer = Message::response(asked.metadata.id, OpCode::Query);
    if of_name.is_empty() {
        answer.metadata.response_code = ResponseCode::NXDomain;
    }
    for (_, data) in of_name.into_iter().filter(|(_, data)| data.record_type() == query.query_type()) {
        answer.add_answer(Record::from_rdata(query.name().clone(), 60, data.clone()));
    }
    answer.add_query(query);
    answer
}

/// The answers of SES: the account, and the identity `herbs.example` or another one.
#[derive(Clone)]
struct Ses {
    account: Value,
    name: &'static str,
    identity: Value,
}

impl Ses {
    fn good() -> Self {
        let quota = json!({"Max24HourSend": 50_000.0, "MaxSendRate": 14.0, "SentLast24Hours": 17.0});
        Self {
            account: json!({"ProductionAccessEnabled": true, "SendingEnabled": true, "SendQuota": quota}),
            name: "herbs.example",
            identity: json!({
                "IdentityType": "DOMAIN",
                "VerifiedForSendingStatus": true,
                "DkimAttributes": {"SigningEnabled": true, "Status": "SUCCESS", "Tokens": TOKENS},
                "MailFromAttributes": {
                    "MailFromDomain": "bounce.herbs.example",
                    "MailFromDomainStatus": "SUCCESS",
                    "BehaviorOnMxFailure": "USE_DEFAULT_VALUE",
                },
            }),
        }
    }

    fn account(self, key: &str, value: Value) -> Self {
        let mut account = self.account;
        account[key] = value;
        Self { account, ..self }
    }

    fn identity(self, path: &str, value: Value) -> Self {
        let mut identity = self.identity;
        *identity.pointer_mut(path).unwrap() = value;
        Self { identity, ..self }
    }

    async fn start(self) -> String {
        let routes = Router::new()
            .route("/v2/email/account", get(async |State(ses): State<Self>| ses.account.to_string()))
            .route("/v2/email/identities/{name}", get(Self::show))
            .with_state(self);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, routes).await });
        format!("http://{address}")
    }

    async fn show(State(ses): State<Self>, Path(name): Path<String>) -> Response {
        if name == ses.name {
            return ses.identity.to_string().into_response();
        }
        let missing = json!({"message": format!("Email identity {name} does not exist.")}).to_string();
        (StatusCode::NOT_FOUND, [("x-amzn-errortype", "NotFoundException")], missing).into_response()
    }
}

/// The doctor's lines about a sender at SES.
async fn examined(ses: Ses, zone: Zone, from: &str) -> (i32, Vec<String>) {
    let (url, dns) = (ses.start().await, dns(zone).await.to_string());
    let variables = [
        ("MAIL", "ses"),
        ("MAIL_FROM", from),
        ("MAIL_PER_DAY", "1000"),
        ("AWS_ENDPOINT_URL_SESV2", &url),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "any"),
        ("AWS_SECRET_ACCESS_KEY", "any"),
        ("FIREBASE_CERTS_URL", "http://127.0.0.1:9"),
    ];
    let folder = data();
    tokio::task::block_in_place(|| doctor(folder.path(), &variables, &["--dns-server", &dns]))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_whose_account_identity_and_records_are_in_order_is_ok() {
    let (_, lines) = examined(Ses::good(), complete(), "Herbs <login@herbs.example>").await;
    for (check, text) in [
        ("Amazon SES:", "17 of 50000 mails were sent"),
        ("sender:", "herbs.example is verified"),
        ("DKIM:", "signs"),
        ("SPF:", "in the domain"),
        ("SPF record:", "bounce.herbs.example lets Amazon SES send"),
        ("DKIM records:", "3 of 3"),
        ("DMARC record:", "_dmarc.herbs.example: reject"),
    ] {
        let found = line(&lines, check);
        assert!(found.starts_with("ok") && found.contains(text), "{found}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_account_or_an_identity_at_ses_lacks_is_told_with_its_cure() {
    let quota = json!({"Max24HourSend": 200.0, "MaxSendRate": 1.0, "SentLast24Hours": 3.0});
    let sandbox = Ses::good().account("ProductionAccessEnabled", json!(false)).account("SendQuota", quota.clone());
    let from = "login@herbs.example";
    for (ses, from, level, check, text) in [
        (sandbox, from, "warn", "Amazon SES:", "the sandbox: 200 mails a day, to verified addresses alone"),
        (Ses::good().account("SendingEnabled", json!(false)), from, "fail", "Amazon SES:", "has paused sending"),
        (Ses::good().account("SendQuota", quota), from, "warn", "Amazon SES:", "MAIL_PER_DAY allows 1000"),
        (
            Ses::good().identity("/VerifiedForSendingStatus", json!(false)),
            from,
            "fail",
            "sender:",
            "herbs.example is not verified",
        ),
        (Ses { name: "other.example", ..Ses::good() }, from, "fail", "sender:", "is an identity of SES"),
        (Ses::good().identity("/DkimAttributes/Status", json!("PENDING")), from, "warn", "DKIM:", "does not sign"),
        (
            Ses::good().identity("/MailFromAttributes/MailFromDomainStatus", json!("PENDING")),
            from,
            "warn",
            "SPF:",
            "Amazon's domain",
        ),
        (
            Ses { name: "herbs@gmail.com", ..Ses::good() },
            "herbs@gmail.com",
            "fail",
            "sender: gmail.com",
            "DMARC fails for it",
        ),
    ] {
        let (code, lines) = examined(ses, complete(), from).await;
        let found = lines.iter().find(|line| line.contains(check) && line.contains(text));
        assert!(found.is_some_and(|line| line.starts_with(level)), "{text}: {lines:#?}");
        assert!(level != "fail" || code == 1, "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_missing_or_wrong_in_the_dns_is_named() {
    let spf = |record: &str| with("bounce.herbs.example", [text("bounce.herbs.example", record)]);
    let ses_spf = "v=spf1 include:amazonses.com ~all";
    let two = [text("bounce.herbs.example", ses_spf), text("bounce.herbs.example", ses_spf)];
    let dmarc = |record: &str| with("_dmarc.herbs.example", [text("_dmarc.herbs.example", record)]);
    let other = alias("bbb._domainkey.herbs.example", "bbb.dkim.evil.example");
    for (zone, level, check, said) in [
        (without("bounce.herbs.example"), "fail", "SPF record:", "add the text v=spf1 include:amazonses.com ~all"),
        (spf("v=spf1 include:other.example -all"), "fail", "SPF record:", "include:amazonses.com is missing"),
        (spf(ses_spf), "fail", "SPF record:", "the MX record of Amazon SES is missing"),
        (with("bounce.herbs.example", two), "fail", "SPF record:", "has 2 of them"),
        (without("aaa._domainkey.herbs.example"), "fail", "DKIM records:", "aaa._domainkey.herbs.example CNAME"),
        (with("bbb._domainkey.herbs.example", [other]), "fail", "DKIM records:", "1 of 3 are missing"),
        (without("_dmarc.herbs.example"), "warn", "DMARC record:", "v=DMARC1; p=none under _dmarc.herbs.example"),
        (dmarc("v=DMARC1; p=none; rua=mailto:a@herbs.example"), "ok", "DMARC record:", "p=none"),
        (dmarc("v=DMARC1"), "fail", "DMARC record:", "has no policy"),
        (dmarc("v=DMARC1; p=maybe"), "fail", "DMARC record:", "the policy maybe"),
    ] {
        let (_, lines) = examined(Ses::good(), zone, "login@herbs.example").await;
        let found = line(&lines, check);
        assert!(found.starts_with(level) && found.contains(said), "{said}: {found}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_policy_of_a_domain_above_holds_and_an_address_alone_cannot_satisfy_it() {
    // The identity is the address, so that nothing is signed in the name of the domain.
    let alone = Ses::good().identity("/MailFromAttributes", json!({"BehaviorOnMxFailure": "USE_DEFAULT_VALUE"}));
    let alone = Ses { name: "login@mail.herbs.example", ..alone };
    let policies = |record: &str| vec![text("_dmarc.herbs.example", record)];
    for (record, level, said) in [
        ("v=DMARC1; p=reject", "fail", "asks mailboxes to reject them"),
        ("v=DMARC1; p=reject; sp=none", "ok", "p=none"),
        ("v=DMARC1; p=none; sp=quarantine", "fail", "asks mailboxes to quarantine them"),
    ] {
        let (_, lines) = examined(alone.clone(), policies(record), "login@mail.herbs.example").await;
        let found = line(&lines, "DMARC record:");
        assert!(found.starts_with(level) && found.contains(said), "{record}: {found}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_by_smtp_is_looked_up_too_and_a_silent_dns_server_is_no_failure() {
    let folder = data();
    let asked = async |zone: Zone, from: &str| {
        let server = dns(zone).await.to_string();
        let variables = [("MAIL", "smtp"), ("MAIL_FROM", from), ("SMTP_URL", "smtp://127.0.0.1:9")];
        tokio::task::block_in_place(|| doctor(folder.path(), &variables, &["--dns-server", &server])).1
    };
    let zone = || vec![text("herbs.example", "v=spf1 include:mx.example -all"), text("herbs.example", "other=1")];
    let lines = asked(zone(), "login@herbs.example").await;
    assert!(line(&lines, "SPF record:").starts_with("ok"), "{lines:#?}");
    assert!(line(&lines, "DMARC record:").starts_with("warn"), "{lines:#?}");
    let lines = asked(zone(), "login@other.example").await;
    assert!(line(&lines, "SPF record:").contains("has none"), "{lines:#?}");

    // The socket stays open, so that no server of another test gets its port and answers.
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let silent = socket.local_addr().unwrap().to_string();
    let variables = [("MAIL", "smtp"), ("MAIL_FROM", "login@herbs.example"), ("SMTP_URL", "smtp://127.0.0.1:9")];
    let lines = tokio::task::block_in_place(|| doctor(folder.path(), &variables, &["--dns-server", &silent])).1;
    for check in ["SPF record:", "DMARC record:"] {
        let found = line(&lines, check);
        assert!(found.starts_with("warn") && found.contains("no DNS server answers"), "{found}");
    }
}
