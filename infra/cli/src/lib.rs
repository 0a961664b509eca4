//! The tool `latchkey`, as a library, so that its tests run what it runs.

pub mod keys;
pub mod serve;

use axum::Router;
use shared::App;

/// Every function behind one port.
pub fn router() -> Router<App> {
    [
        account::router(),
        create_account::router(),
        login::router(),
        logout::router(),
        refresh::router(),
        verify::router(),
        well_known::router(),
    ]
    .into_iter()
    .fold(Router::new(), Router::merge)
}
