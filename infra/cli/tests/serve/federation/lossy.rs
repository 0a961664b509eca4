//! A proxy that can lose a request.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

/// A proxy for the server on one port of this machine.
pub struct Lossy {
    pub address: SocketAddr,
    loses: Arc<AtomicBool>,
}

impl Lossy {
    pub fn start(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, loses) = (listener.local_addr().unwrap(), Arc::new(AtomicBool::new(false)));
        let shared = loses.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let server = TcpStream::connect(("127.0.0.1", port)).unwrap();
                let (mut answers, mut to_client) = (server.try_clone().unwrap(), client.try_clone().unwrap());
                let loses = shared.clone();
                thread::spawn(move || forward(client, server, &loses));
                thread::spawn(move || io::copy(&mut answers, &mut to_client));
            }
        });
        Self { address, loses }
    }

    /// Loses the next request and all later ones on its connection, which stays open.
    pub fn lose_next(&self) {
        self.loses.store(true, Ordering::SeqCst);
    }

    /// Whether that request was lost.
    pub fn has_lost(&self) -> bool {
        !self.loses.load(Ordering::SeqCst)
    }
}

fn forward(mut client: TcpStream, mut server: TcpStream, loses: &AtomicBool) -> io::Result<()> {
    let (mut buffer, mut is_lost) = ([0; 4096], false);
    loop {
        let length = client.read(&mut buffer)?;
        if length == 0 {
            return Ok(());
        }
        is_lost |= loses.swap(false, Ordering::SeqCst);
        if !is_lost {
            server.write_all(buffer.get(..length).unwrap_or_default())?;
        }
    }
}
