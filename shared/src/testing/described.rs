//! Holds every answer that a test receives against the description of the API.
//!
//! The description is the document that the service publishes. A test of the tool holds the
//! document to the operations of the functions.

use std::{collections::HashMap, fs, sync::LazyLock};

use axum::http::{Method, StatusCode};
use jsonschema::Validator;
use serde_json::{Map, Value, json};

use crate::http::{api::refusals::ANY, error_form::ErrorForm};

/// The refusals that come before any endpoint is known, with those that any request may meet.
const UNROUTED: [(u16, &str); 4] =
    [(400, "secret_in_query"), (404, "not_found"), (405, "method_not_allowed"), (501, "not_configured")];

static DESCRIPTION: LazyLock<Description> = LazyLock::new(Description::load);

/// The difference between an answer and the description. `None` if there is none, or if no
/// operation has this path: then only the form of an error is known.
pub(super) fn difference(method: &Method, path: &str, status: StatusCode, body: &Value) -> Option<String> {
    // Their answers have no body.
    if [Method::HEAD, Method::OPTIONS].contains(method) || status == StatusCode::NOT_MODIFIED {
        return None;
    }
    let status = status.as_u16();
    let code = body["code"].as_str().unwrap_or_default();
    let is_refusal = status >= 400;
    if status == 204 {
        let is_named = DESCRIPTION.operation(method, path).is_some_and(|responses| responses.contains_key(&204));
        return (!is_named).then(|| format!("{method} {path}: no operation names an answer without a body"));
    }
    let (form, refusal) = DESCRIPTION.refusal(path);
    let Some(responses) = DESCRIPTION.operation(method, path) else {
        return is_refusal.then(|| refusal.problem(body)).flatten();
    };
    let is_of_any = || ANY.iter().chain(&UNROUTED).any(|refusal| form.refusal(*refusal) == (status, code));
    let told = |problem| format!("{method} {path}, status {status}, differs from openapi.json: {problem}");
    match responses.get(&status) {
        Some(schema) => schema.problem(body).map(told),
        None if is_refusal && is_of_any() => refusal.problem(body).map(told),
        None => Some(told(format!("the operation names no {status} {code}"))),
    }
}

/// The schemas of all answers.
struct Description {
    /// The operations: the method, the segments of the path, and the answers by their status.
    operations: Vec<(String, Vec<String>, HashMap<u16, Schema>)>,
    /// Any error, by its form.
    refusals: [(ErrorForm, Schema); 3],
}

/// The schema of an answer.
struct Schema(Validator);

impl Schema {
    /// Reads a schema with the components that it refers to.
    fn new(schema: &Value, components: &Value) -> Self {
        let mut whole = schema.as_object().cloned().unwrap_or_default();
        whole.insert("components".to_owned(), components.clone());
        let options = jsonschema::options().with_draft(jsonschema::Draft::Draft202012).should_validate_formats(true);
        Self(options.build(&Value::Object(whole)).expect("a schema of openapi.json"))
    }

    fn problem(&self, body: &Value) -> Option<String> {
        let problems: Vec<String> =
            self.0.iter_errors(body).map(|error| format!("{}: {error}", error.instance_path())).collect();
        (!problems.is_empty()).then(|| format!("{} in {body:#}", problems.join("; ")))
    }
}

impl Description {
    fn load() -> Self {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../functions/console/documents/openapi.json");
        let text = fs::read_to_string(file).expect("openapi.json");
        let document: Value = serde_json::from_str(&text).expect("JSON");
        let mut components = document["components"].clone();
        close(&mut components);
        let schema = |answer: &Value| Schema::new(&answer["content"]["application/json"]["schema"], &components);
        let mut operations = Vec::new();
        for (path, methods) in object(&document["paths"]) {
            for (method, operation) in object(methods) {
                let answers = object(&operation["responses"]).iter();
                let by_status = answers.filter_map(|(status, answer)| Some((status.parse().ok()?, schema(answer))));
                operations.push((method.to_uppercase(), segments(path), by_status.collect()));
            }
        }
        let refusals = [ErrorForm::Own, ErrorForm::OAuth, ErrorForm::Supabase].map(|form| {
            let reference = format!("#/components/schemas/{}", form.shape());
            (form, Schema::new(&json!({"$ref": reference}), &components))
        });
        Self { operations, refusals }
    }

    /// The form of any error at this path.
    fn refusal(&self, path: &str) -> (ErrorForm, &Schema) {
        let of = ErrorForm::of(path.split('?').next().unwrap_or_default());
        let found = self.refusals.iter().find(|(form, _)| *form == of).expect("a schema of each form");
        (found.0, &found.1)
    }

    /// The answers of the operation with this method and path.
    fn operation(&self, method: &Method, path: &str) -> Option<&HashMap<u16, Schema>> {
        let asked = segments(path.split('?').next().unwrap_or_default());
        let is_path = |known: &[String]| {
            known.len() == asked.len()
                && known.iter().zip(&asked).all(|(known, asked)| known.starts_with('{') || known == asked)
        };
        let found = self.operations.iter().find(|(of, known, _)| of == method.as_str() && is_path(known));
        found.map(|(.., answers)| answers)
    }
}

fn object(value: &Value) -> &Map<String, Value> {
    value.as_object().expect("an object of openapi.json")
}

fn segments(path: &str) -> Vec<String> {
    path.split('/').map(str::to_owned).collect()
}

/// Refuses members that no schema names. Clients must bear new members, and tests must not.
fn close(value: &mut Value) {
    if let Value::Object(members) = value {
        members.values_mut().for_each(close);
        if members.contains_key("properties") && members.contains_key("type") {
            members.insert("additionalProperties".to_owned(), false.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(method: Method, path: &str, status: u16, body: &Value) -> Option<String> {
        difference(&method, path, StatusCode::from_u16(status).unwrap(), body)
    }

    fn refusal(status: u16, code: &str) -> Value {
        json!({
            "type": "x", "title": "x", "status": status, "detail": "x", "message": "x", "code": code, "request_id": "x",
            "fields": [], "next": {},
        })
    }

    #[test]
    fn an_answer_as_it_is_described_has_no_difference() {
        let session = json!({"ended": true});
        assert_eq!(of(Method::DELETE, "/me/sessions/abc?x=1", 200, &session), None);
        assert_eq!(of(Method::POST, "/login", 401, &refusal(401, "invalid_credentials")), None);
        assert_eq!(of(Method::POST, "/login", 500, &refusal(500, "internal_error")), None);
        assert_eq!(of(Method::GET, "/nothing", 404, &refusal(404, "not_found")), None);
    }

    #[test]
    fn another_member_type_status_or_code_is_a_difference() {
        for (method, path, status, body) in [
            (Method::DELETE, "/me/sessions/abc", 200, json!({})),
            (Method::DELETE, "/me/sessions/abc", 200, json!({"ended": "true"})),
            (Method::DELETE, "/me/sessions/abc", 200, json!({"ended": true, "more": 1})),
            (Method::DELETE, "/me/sessions/abc", 201, json!({"ended": true})),
            (Method::POST, "/login", 401, refusal(401, "password_incorrect")),
            (Method::POST, "/login", 418, refusal(418, "teapot")),
            (Method::GET, "/nothing", 404, json!({})),
        ] {
            assert!(of(method.clone(), path, status, &body).is_some(), "{method} {path} {status} {body}");
        }
    }
}
