//! Servers that a script drives, each on a port of its own.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::mpsc::{Receiver, channel},
    thread,
};

/// A request of HTTP that a server got.
pub struct Got {
    pub head: String,
    pub body: String,
}

impl Got {
    /// The value of a header, which is written in small letters.
    pub fn header(&self, name: &str) -> &str {
        let line = self.head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
        line.unwrap_or_else(|| panic!("no {name} in {}", self.head))
    }
}

/// A server of HTTP on this port, which gives the answers in turn and then ends. Each has its own
/// connection.
pub fn http(answers: &'static [&'static str]) -> (u16, Receiver<Got>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for answer in answers {
            let (stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).unwrap() > 0 {}
            let length =
                head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |it| it.parse().unwrap());
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            respond(stream, answer);
            sender.send(Got { head, body: String::from_utf8(body).unwrap() }).unwrap();
        }
    });
    (port, receiver)
}

fn respond(mut stream: TcpStream, answer: &str) {
    let answer = format!("HTTP/1.1 {answer}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    stream.write_all(answer.as_bytes()).unwrap();
}

/// A server of SMTP on this port. It greets, and answers each command by the first rule whose
/// beginning the command has, or else `250 ok`. An empty answer is none: the connection hangs. The
/// text of the client comes out when the client has gone.
pub fn smtp(rules: &'static [(&'static str, &'static str)]) -> (u16, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, receiver) = channel();
    thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            let sender = sender.clone();
            thread::spawn(move || sender.send(converse(stream, rules)));
        }
    });
    (port, receiver)
}

fn converse(mut stream: TcpStream, rules: &[(&str, &str)]) -> String {
    let answer = |line: &str| {
        let rule = rules.iter().find(|(beginning, _)| line.starts_with(beginning));
        rule.map_or(if line == "DATA" { "354 go on" } else { "250 ok" }, |(_, answer)| answer).to_owned()
    };
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut sent, mut is_data) = (String::new(), false);
    let mut next = rules
        .iter()
        .find(|(beginning, _)| *beginning == "greeting")
        .map_or("220 ready", |(_, answer)| answer)
        .to_owned();
    loop {
        if !next.is_empty() && stream.write_all(format!("{next}\r\n").as_bytes()).is_err() {
            return sent;
        }
        next.clear();
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return sent;
        }
        sent += &line;
        let line = line.trim_end();
        if is_data {
            if line == "." {
                is_data = false;
                next = answer("end of data");
            }
        } else {
            next = answer(line);
            is_data = line == "DATA" && next.starts_with("354");
        }
    }
}
