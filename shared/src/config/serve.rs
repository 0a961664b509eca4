//! The settings of `latchkey serve`, the server in one process.

use std::path::PathBuf;

use super::Environment;

/// The port and the folder of `latchkey serve`.
#[derive(Clone, Debug)]
pub struct Serve {
    /// Sets the port that `latchkey serve` listens on. Defaults to 8080. Accepts 0 to 65535. Read
    /// from `PORT` on Cloud Run and a laptop. The option `--port` overrides this variable. The port
    /// 0 is any free port.
    pub port: u16,
    /// Names the folder with the embedded database and the keys. Defaults to `.latchkey`. Accepts a
    /// path. Read from `DATA_DIR` on a laptop. The option `--data-dir` overrides this variable.
    pub data_dir: PathBuf,
    /// Whether the server shows the mails of its outbox. The server itself finds that out.
    pub shows_outbox: bool,
}

impl Serve {
    pub(super) fn read(env: &mut Environment) -> Self {
        Self { port: env.number("PORT", 8080, 0, u16::MAX.into()) as u16, data_dir: data_dir(env), shows_outbox: false }
    }
}

fn data_dir(env: &mut Environment) -> PathBuf {
    const NAME: &str = "DATA_DIR";
    let folder = env.text(NAME).unwrap_or_else(|| ".latchkey".to_owned());
    if folder == "~" || folder.starts_with("~/") || folder.starts_with('$') {
        env.refuse(NAME, "must be a whole path, since only a shell knows what ~ and $ stand for");
    }
    folder.into()
}
