//! The shape of a session object. One JSON Schema describes it for the tests in every language.

use std::sync::LazyLock;

use jsonschema::{Draft, Validator};
use serde_json::Value;

/// Validates against the schema, formats included.
static SCHEMA: LazyLock<Validator> = LazyLock::new(|| {
    let schema: Value = serde_json::from_str(include_str!("session-object.schema.json")).expect("the schema is JSON");
    let options = jsonschema::options().with_draft(Draft::Draft202012).should_validate_formats(true);
    options.build(&schema).expect("the schema is valid")
});

/// Fails unless `body` is a session object with exactly the fields and types of the contract.
#[track_caller]
pub fn assert_session_object(body: &Value) {
    let problems = problems(body);
    assert!(problems.is_empty(), "not a session object: {problems:#?} in {body:#}");
}

/// Describes all differences between `body` and the contract.
fn problems(body: &Value) -> Vec<String> {
    let describe = |error: jsonschema::ValidationError<'_>| format!("{}: {error}", error.instance_path());
    let mut problems: Vec<String> = SCHEMA.iter_errors(body).map(describe).collect();
    // A schema cannot compare fields, and accepts 1.0 as an integer.
    for (left, right) in [("/uid", "/user/id"), ("/token", "/jwt_token")] {
        if body.pointer(left) != body.pointer(right) {
            problems.push(format!("{left} differs from {right}"));
        }
    }
    for integer in ["/expires_in", "/user/role_id"] {
        if !body.pointer(integer).is_some_and(Value::is_u64) {
            problems.push(format!("{integer} is not written as an integer"));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use serde_json::json;

    use super::*;
    use crate::testing::Service;

    async fn session_object() -> Value {
        let service = Service::new(Router::new()).await;
        let user = service.account("james@yopmail.com").await;
        service.session(&user).await
    }

    /// The paths of all objects and fields in a session object.
    fn pointers(body: &Value) -> Vec<String> {
        let fields = |prefix: &str, object: &Value| -> Vec<String> {
            object.as_object().unwrap().keys().map(|name| format!("{prefix}/{name}")).collect()
        };
        [fields("", body), fields("/user", &body["user"])].concat()
    }

    fn is_refused_by_schema(body: &Value) -> bool {
        !SCHEMA.is_valid(body)
    }

    #[tokio::test]
    async fn a_session_object_fits_the_schema() {
        let mut body = session_object().await;
        assert_session_object(&body);
        body["user"]["name"] = json!("");
        assert_session_object(&body);
    }

    #[tokio::test]
    async fn a_missing_or_additional_field_is_refused() {
        let body = session_object().await;
        let pointers = pointers(&body);
        assert_eq!(pointers.len(), 19);
        for pointer in pointers {
            let (parent, name) = pointer.rsplit_once('/').unwrap();
            let mut without = body.clone();
            without.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name).unwrap();
            assert!(is_refused_by_schema(&without), "without {pointer}");
        }
        for parent in ["", "/user"] {
            let mut with = body.clone();
            with.pointer_mut(parent).unwrap()["additional"] = json!("x");
            assert!(is_refused_by_schema(&with), "with an additional field in {parent:?}");
        }
    }

    #[tokio::test]
    async fn a_field_of_a_wrong_type_or_form_is_refused() {
        let body = session_object().await;
        let values = [json!(null), json!(true), json!(-1), json!(1.5), json!(""), json!("x"), json!([]), json!({})];
        for pointer in pointers(&body) {
            for value in &values {
                let mut wrong = body.clone();
                *wrong.pointer_mut(&pointer).unwrap() = value.clone();
                let is_right = match pointer.as_str() {
                    "/user/name" => value.is_string(),
                    "/user/username" => value == "",
                    "/user/metadata" => value.is_object(),
                    "/user/email_verified" => value.is_boolean(),
                    _ => false,
                };
                assert_eq!(is_refused_by_schema(&wrong), !is_right, "{pointer}: {value}");
            }
        }
    }

    #[tokio::test]
    async fn a_nearly_right_value_is_refused() {
        let body = session_object().await;
        let id = body["uid"].as_str().unwrap();
        for (pointer, value) in [
            ("/uid", json!(id.to_uppercase())),
            ("/uid", json!(format!("{}4{}", &id[..14], &id[15..]))),
            ("/token_type", json!("bearer")),
            ("/expires_in", json!("3600")),
            ("/expires_in", json!(3601)),
            ("/expires_at", json!("2026-02-30T00:00:00Z")),
            ("/expires_at", json!("2026-01-01T00:00:00+00:00")),
            ("/expires_at", json!("2026-01-01T00:00:00.000Z")),
            ("/access_token", json!("a.b.")),
            ("/access_token", json!("a.b.c\n")),
            ("/refresh_token", json!("A".repeat(44))),
            ("/refresh_token", json!("=".repeat(43))),
            ("/user/email", json!("james")),
            ("/user/username", json!("James")),
            ("/user/created_at", json!("2026-01-01")),
        ] {
            let mut wrong = body.clone();
            *wrong.pointer_mut(pointer).unwrap() = value.clone();
            assert!(is_refused_by_schema(&wrong), "{pointer}: {value}");
        }
    }

    #[tokio::test]
    async fn fields_that_must_be_equal_are_compared_and_integers_are_written_as_such() {
        let (body, other) = (session_object().await, session_object().await);
        for (pointer, value) in [
            ("/uid", other["uid"].clone()),
            ("/token", other["token"].clone()),
            ("/expires_in", json!(3600.0)),
            ("/user/role_id", json!(1.0)),
        ] {
            let mut wrong = body.clone();
            *wrong.pointer_mut(pointer).unwrap() = value;
            assert!(!is_refused_by_schema(&wrong) && problems(&wrong).len() == 1, "{pointer}: {:?}", problems(&wrong));
        }
    }
}
