//! Times Firebase ID tokens through `/verify` of `latchkey serve` beside the bare RS256
//! verification of AWS-LC, in one run on one machine. The server is a process of its own, so that
//! its processor time can be read apart. Tokens are counted for each second of processor time. The
//! figure therefore depends neither on the number of cores nor on the machine's other work.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a benchmark that cannot go on stops")]
#![expect(clippy::print_stdout, reason = "the figures are its result")]
#![expect(clippy::disallowed_methods, reason = "it measures time")]

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use shared::{
    jose::jws::Jws,
    testing::{Google, PROJECT, Reply, certificate, id_token_claims},
    time::Timestamp,
};
use tempfile::TempDir;

/// The two are measured in turn, so that other work of the machine slows both alike.
const ROUNDS: usize = 8;
const ROUND: Duration = Duration::from_secs(2);
const CONNECTIONS: usize = 4;
/// The number of requests that are sent before their answers are read. A client that waits for each
/// answer would cost the server more switches between threads.
const PIPELINED: usize = 16;
/// `sysconf(_SC_CLK_TCK)` on Linux.
const TICKS_PER_SECOND: f64 = 100.0;

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // The process may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Server {
    fn start(folder: &TempDir, certificates: &str) -> (Self, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_latchkey"));
        command.args(["serve", "--port", "0", "--data-dir"]).arg(folder.path()).env_clear();
        command.envs([("FIREBASE_PROJECT_ID", PROJECT), ("FIREBASE_CERTS_URL", certificates), ("LOG_LEVEL", "warn")]);
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let address = line.split("http://").nth(1).unwrap().split(' ').next().unwrap().to_owned();
        (Self(process), address)
    }

    /// The processor time of the server so far, in seconds and over all threads.
    fn processor(&self) -> f64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0.id())).unwrap();
        // User and system time are the 14th and 15th field. The fields are counted after the
        // command's name, which may hold spaces.
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
        let ticks: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
        ticks / TICKS_PER_SECOND
    }
}

/// Sends requests over one connection until `until`, and checks each answer. Returns the number of
/// answers.
fn ask(address: &str, token: &str, until: Instant) -> usize {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    let request = format!("GET /verify HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n").repeat(PIPELINED);
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut answers = 0;
    while Instant::now() < until {
        stream.write_all(request.as_bytes()).unwrap();
        for _ in 0..PIPELINED {
            let body = read_answer(&mut reader);
            assert!(
                body.starts_with(br#"{"valid":true,"kind":"firebase_id_token""#),
                "{}",
                String::from_utf8_lossy(&body)
            );
        }
        answers += PIPELINED;
    }
    answers
}

fn read_answer(reader: &mut impl BufRead) -> Vec<u8> {
    let (mut line, mut length) = (String::new(), 0);
    loop {
        line.clear();
        reader.read_line(&mut line).unwrap();
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length: ") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    body
}

/// The number of times that one thread verifies one signature in a second.
fn bare(jws: &Jws) -> f64 {
    let document = format!("{{\"k\":{:?}}}", certificate(0).pem());
    let key = shared::keys::google::read(document.as_bytes()).unwrap().keys.pop().unwrap().1;
    let began = Instant::now();
    let mut count = 0.0;
    while began.elapsed() < ROUND {
        for _ in 0..100 {
            assert!(jws.is_signed_by(&key));
        }
        count += 100.0;
    }
    count / began.elapsed().as_secs_f64()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let google = runtime.block_on(Google::start(Reply::certificates(&[(0, "k")])));
    let now = Timestamp::from(std::time::SystemTime::now());
    let token = certificate(0).id_token("k", &id_token_claims("0195a3f0-0000-7000-8000-000000000001", now));
    let token = token.as_str().unwrap();
    let jws = Jws::parse(token).unwrap();
    let folder = TempDir::new().unwrap();
    let (server, address) = Server::start(&folder, &google.url());

    let (mut through, mut wall, mut alone) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        alone.push(bare(&jws));
        let (before, began) = (server.processor(), Instant::now());
        let answers: usize = thread::scope(|scope| {
            let clients: Vec<_> =
                (0..CONNECTIONS).map(|_| scope.spawn(|| ask(&address, token, began + ROUND))).collect();
            clients.into_iter().map(|client| client.join().unwrap()).sum()
        });
        through.push(answers as f64 / (server.processor() - before));
        wall.push(answers as f64 / began.elapsed().as_secs_f64());
    }
    let (through, wall, alone) = (median(through), median(wall), median(alone));
    println!(
        "/verify           {through:8.0} tokens a second of one core ({wall:.0} a second of the clock, beside its client)"
    );
    println!("bare RS256        {alone:8.0} verifications a second of one core");
    println!("ratio             {:8.2}", alone / through);
    println!("fetches of keys   {:8}", google.fetches());
}
