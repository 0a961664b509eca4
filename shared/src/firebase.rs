//! The users of a Firebase project, by Google's Identity Toolkit API
//! (<https://cloud.google.com/identity-platform/docs/reference/rest/v1/projects.accounts>).
//!
//! Firebase makes a user of its own at the first sign-in with a custom token, and keeps that
//! user's session. Whatever ends here must end there too, by a call of this API.

mod access_token;
mod profile;
mod rights;
mod toolkit;

pub use profile::Profile;
pub use rights::{Fit, Rights};
pub use toolkit::{FirebaseUser, IdentityToolkit, NewUser, ToolkitError, UserUpdate, Users, is_nowhere};
