//! Authentication: one file for each flow that a function runs.

pub mod first_session;
pub mod judgement;
pub mod new_password;
pub mod password;
pub mod session_object;
pub mod verification;
