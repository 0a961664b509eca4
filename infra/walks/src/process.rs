//! Child processes, free ports and scratch folders. None of them outlives this program.

use std::{
    collections::{BTreeSet, VecDeque},
    env, fs,
    io::{BufRead, BufReader, Read},
    net::TcpListener,
    ops::Range,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{self, Command, ExitStatus, Stdio},
    sync::{
        Arc, LazyLock, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::net::TcpStream;

use crate::clock;

/// Below those that Linux gives to outgoing connections.
const PORTS: Range<u16> = 20_000..32_000;
/// Lines of output that an explanation of a failure repeats.
const TAIL_LINES: usize = 40;
/// The pause between two checks of a process or a port.
const PAUSE_MS: i64 = 20;
/// A wait that is long enough for the last output of an ended process.
const LAST_LINES_MS: i64 = 200;

/// The process groups that were started and have not been ended.
static RUNNING: Mutex<Vec<Pid>> = Mutex::new(Vec::new());
/// The folder of all scratch folders.
static SCRATCH: LazyLock<PathBuf> =
    LazyLock::new(|| tempfile::Builder::new().prefix("latchkey-walks-").tempdir().expect("a folder").keep());

/// The repository.
pub fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// A program of the pinned tools, by its path below their folder.
pub fn tool(path: &str) -> PathBuf {
    let program = repository().join(".tools/venv").join(path);
    assert!(program.exists(), "{} is not there: make .tools/venv/.installed installs it", program.display());
    program
}

/// Cargo's target folder, in which this program was built.
pub fn target_folder() -> PathBuf {
    let program = env::current_exe().expect("the path of this program");
    program.ancestors().nth(2).expect("a folder of cargo").to_owned()
}

/// A new folder, which is removed at the end.
pub fn scratch(name: &str) -> PathBuf {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let folder = SCRATCH.join(format!("{name}-{}", COUNT.fetch_add(1, Ordering::Relaxed)));
    fs::create_dir(&folder).expect("a folder");
    folder
}

/// A command that knows nothing of this program's environment but the path, with a folder of its
/// own as its home.
pub fn command(program: impl AsRef<Path>) -> Command {
    let home = scratch("home");
    let mut command = Command::new(program.as_ref());
    command.env_clear().env("PATH", path()).env("HOME", &home).current_dir(home);
    command
}

#[expect(clippy::disallowed_methods, reason = "no setting of ours: programs that are started look for others there")]
fn path() -> std::ffi::OsString {
    env::var_os("PATH").unwrap_or_default()
}

/// Ports that nobody listens on. None is given out twice, since an emulator may bind its port only
/// at its first event. The functions of two emulators on one port would get each other's events.
pub fn free_ports<const COUNT: usize>() -> [u16; COUNT] {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    [(); COUNT].map(|()| {
        loop {
            let port = fastrand::u16(PORTS);
            let is_new = GIVEN.lock().unwrap_or_else(PoisonError::into_inner).insert(port);
            if is_new && TcpListener::bind(("127.0.0.1", port)).is_ok() {
                return port;
            }
        }
    })
}

/// Kills every process that is left, and removes every scratch folder.
pub fn end_all() {
    let running = std::mem::take(&mut *locked(&RUNNING));
    running.into_iter().rev().for_each(kill);
    if let Some(folder) = LazyLock::get(&SCRATCH) {
        // Whatever is left is in the system's own folder for temporary files.
        let _ = fs::remove_dir_all(folder);
    }
}

/// A running process, in a process group of its own. It is killed when dropped, with all that it
/// started.
pub struct Child {
    name: String,
    pid: Pid,
    process: Mutex<process::Child>,
    output: Arc<Mutex<Output>>,
    /// They end with the last line of each output.
    readers: [JoinHandle<()>; 2],
}

#[derive(Default)]
struct Output {
    /// The lines of standard output.
    lines: Vec<String>,
    /// The last lines of both outputs.
    tail: VecDeque<String>,
}

impl Child {
    /// Starts a command. `name` is its name in explanations.
    pub fn start(name: &str, command: &mut Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut process = command.spawn().unwrap_or_else(|error| panic!("{name} cannot be started: {error}"));
        let pid = Pid::from_child(&process);
        locked(&RUNNING).push(pid);
        let output = Arc::new(Mutex::new(Output::default()));
        let readers = [
            read_lines(process.stdout.take().expect("a pipe"), output.clone(), true),
            read_lines(process.stderr.take().expect("a pipe"), output.clone(), false),
        ];
        Self { name: name.to_owned(), pid, process: Mutex::new(process), output, readers }
    }

    /// Its last lines, for the explanation of a failure.
    pub fn tail(&self) -> String {
        let lines: Vec<_> = locked(&self.output).tail.iter().cloned().collect();
        format!("{} said:\n{}", self.name, lines.join("\n"))
    }

    /// The lines of its standard output from this one on.
    pub fn lines_from(&self, first: usize) -> Vec<String> {
        locked(&self.output).lines.iter().skip(first).cloned().collect()
    }

    /// Its exit status, if it has ended.
    pub fn ended(&self) -> Option<ExitStatus> {
        locked(&self.process).try_wait().expect("a child of this process")
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid, signal).expect("it is still there");
    }

    /// Waits for its end.
    pub async fn end(&self, patience_ms: i64) -> ExitStatus {
        let deadline = clock::now() + patience_ms;
        loop {
            if let Some(status) = self.ended() {
                return status;
            }
            assert!(clock::now() < deadline, "still running after {patience_ms} ms; {}", self.tail());
            clock::sleep(PAUSE_MS).await;
        }
    }

    /// Waits until the lines of standard output satisfy `wanted`.
    pub async fn says<T>(&self, patience_ms: i64, wanted: impl Fn(&[String]) -> Option<T>) -> T {
        let deadline = clock::now() + patience_ms;
        loop {
            let ended = self.ended();
            if ended.is_some() {
                clock::sleep(LAST_LINES_MS).await;
            }
            let found = wanted(&locked(&self.output).lines);
            if let Some(found) = found {
                return found;
            }
            if let Some(status) = ended {
                panic!("ended with {status}; {}", self.tail());
            }
            assert!(clock::now() < deadline, "no such line after {patience_ms} ms; {}", self.tail());
            clock::sleep(PAUSE_MS).await;
        }
    }

    /// Waits until something accepts connections on the port.
    pub async fn listens(&self, port: u16, patience_ms: i64) {
        let deadline = clock::now() + patience_ms;
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            assert!(self.ended().is_none(), "it ended; {}", self.tail());
            assert!(clock::now() < deadline, "nothing listens on {port} after {patience_ms} ms; {}", self.tail());
            clock::sleep(PAUSE_MS).await;
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        locked(&RUNNING).retain(|pid| *pid != self.pid);
        if self.ended().is_none() {
            kill(self.pid);
            // It was killed: there is nothing else to wait for, and nothing to do about a failure.
            let _ = locked(&self.process).wait();
        }
    }
}

/// Runs a command that ends well by itself; gives its standard output.
pub async fn run(name: &str, command: &mut Command, patience_ms: i64) -> String {
    let child = Child::start(name, command);
    let status = child.end(patience_ms).await;
    while !child.readers.iter().all(JoinHandle::is_finished) {
        clock::sleep(PAUSE_MS).await;
    }
    assert!(status.success(), "{status}; {}", child.tail());
    child.lines_from(0).join("\n")
}

fn read_lines(pipe: impl Read + Send + 'static, output: Arc<Mutex<Output>>, is_standard: bool) -> JoinHandle<()> {
    thread::spawn(move || {
        let mut pipe = BufReader::new(pipe);
        let mut bytes = Vec::new();
        while pipe.read_until(b'\n', &mut bytes).is_ok_and(|count| count > 0) {
            let line = String::from_utf8_lossy(&bytes).trim_end_matches('\n').to_owned();
            bytes.clear();
            let mut output = locked(&output);
            if is_standard {
                output.lines.push(line.clone());
            }
            output.tail.push_back(line);
            if output.tail.len() > TAIL_LINES {
                output.tail.pop_front();
            }
        }
    })
}

/// Kills a process group and all that its leader started: cargo-lambda gives each function a group
/// of its own.
fn kill(leader: Pid) {
    let family = descendants(leader);
    // Each may have ended by itself.
    let _ = kill_process_group(leader, Signal::KILL);
    for pid in family {
        let _ = kill_process(pid, Signal::KILL);
    }
}

fn descendants(root: Pid) -> Vec<Pid> {
    let Ok(listed) = Command::new("ps").args(["-A", "-o", "pid=,ppid="]).output() else { return Vec::new() };
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    let pairs: Vec<(Pid, Pid)> = listed
        .lines()
        .filter_map(|line| {
            let mut numbers = line.split_whitespace().map(|number| Pid::from_raw(number.parse().ok()?));
            Some((numbers.next()??, numbers.next()??))
        })
        .collect();
    let mut found = vec![root];
    let mut next = 0;
    while let Some(parent) = found.get(next).copied() {
        found.extend(pairs.iter().filter(|(_, of)| *of == parent).map(|(pid, _)| *pid));
        next += 1;
    }
    found.split_off(1)
}

/// A mutex, also after a panic of another trial.
pub fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
