//! The least a function on `lambda_http` can be: what `make start` measures `login` beside.

use lambda_http::{Error, Request, run, service_fn};

fn main() -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(run(service_fn(async |_: Request| Ok::<_, Error>("hello"))))
}
