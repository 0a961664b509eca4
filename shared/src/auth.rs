//! Authentication: one file for each flow that a function runs.

pub mod address_change;
pub mod admin;
pub mod deletion;
pub mod ending;
pub mod exchange;
pub mod export;
pub mod first_mail;
pub mod first_session;
pub mod handed_out;
pub mod import;
pub mod in_step;
pub mod judgement;
mod legacy;
pub mod live_sessions;
pub mod login;
pub mod mailing;
pub mod new_password;
pub mod oauth;
pub mod password;
pub mod proof;
pub mod refresh;
pub mod reset;
pub mod session_object;
pub mod sign_in;
pub mod supabase;
pub mod verification;
pub mod verified_address;
