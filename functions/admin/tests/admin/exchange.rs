//! `POST /admin/import` and `GET /admin/export`.

use axum::http::Method;
use serde_json::{Value, json};
use shared::{
    http::body::IMPORT_BYTES_MAX,
    testing::{Faults, Service},
};

use super::{call, get, service};

/// A hash of the password `password`, from the test suite of the reference implementation.
const HASH: &str = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";

async fn import(service: &Service, body: &Value) -> Value {
    call(service, Method::POST, "/admin/import").json(body.clone()).await.is(200).body
}

fn counts(answer: &Value) -> [u64; 3] {
    ["created", "present", "refused"].map(|name| answer[name].as_u64().unwrap())
}

/// Every page of the export, from this cursor on.
async fn exported(service: &Service, limit: usize, mut cursor: String) -> Vec<Value> {
    let mut users = Vec::new();
    loop {
        let page = get(service, &format!("/admin/export?limit={limit}&cursor={cursor}")).await.is(200).body;
        assert_eq!(page["count"], page["users"].as_array().unwrap().len());
        users.extend(page["users"].as_array().unwrap().iter().cloned());
        page["next_cursor"].as_str().unwrap().clone_into(&mut cursor);
        if cursor.is_empty() {
            return users;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_exported_page_by_page_is_imported_again_after_a_wipe_and_twice_is_once() {
    let service = service().await;
    let users: Vec<Value> = (0..60)
        .map(|number| {
            json!({"id": format!("id-{number}"), "email": format!("U{number}@b.de"), "username": format!("user-{number}"),
                "name": "N", "role_id": 7, "email_verified": true, "disabled": number % 2 == 0, "password_hash": HASH,
                "created_at": format!("2020-01-01T00:00:{number:02}.123Z"), "claims": {"plan": "pro"}, "metadata": {"n": number},
                "private_metadata": {"p": number}})
        })
        .collect();
    let body = json!({"users": users});
    assert_eq!(counts(&import(&service, &body).await), [60, 0, 0]);
    let again = import(&service, &body).await;
    assert_eq!(counts(&again), [0, 60, 0]);
    assert_eq!(
        again["results"][59],
        json!({"index": 59, "ok": true, "id": "id-59", "already": true, "error": "", "left_out": []})
    );

    let all = exported(&service, 25, String::new()).await;
    assert_eq!(all.len(), 60);
    let mut expected = users[0].clone();
    expected.as_object_mut().unwrap().remove("password_hash");
    expected["imported_uid"] = json!(true);
    assert_eq!(all[0], expected, "everything but the hash");
    assert!(!serde_json::to_string(&all).unwrap().contains("$argon2"));
    // A stopped export goes on with its cursor.
    let first = get(&service, "/admin/export?limit=10").await.is(200).body;
    let rest = exported(&service, 100, first["next_cursor"].as_str().unwrap().to_owned()).await;
    assert_eq!([first["users"].as_array().unwrap().clone(), rest].concat(), all);

    for user in &all {
        call(&service, Method::DELETE, &format!("/admin/users/{}", user["id"].as_str().unwrap())).send().await.is(200);
    }
    assert!(exported(&service, 100, String::new()).await.is_empty());
    assert_eq!(counts(&import(&service, &json!({"users": all})).await), [60, 0, 0]);
    assert_eq!(exported(&service, 100, String::new()).await, all);
}

#[tokio::test(start_paused = true)]
async fn each_account_that_breaks_a_rule_is_refused_by_itself() {
    let service = service().await;
    let users = json!([
        {"email": "one@b.de", "username": "one", "id": "one"},
        {"email": "ONE@b.de"},
        {"email": "two@b.de", "username": "One"},
        {"email": "three@b.de", "id": "one"},
        {"email": "one@b.de", "id": "one"},
        {"email": "no address"},
        {"email": "four@b.de", "password_hash": "hunter2"},
        {"localId": "f", "email": "five@b.de", "passwordHash": "lSrfV15c", "salt": "42xEC"},
        {"email": "six@b.de", "claims": {"sub": "root"}},
        ["no object"],
        {"email": "seven@b.de", "metadata": {"n": 113_774_264_463_038_321_u64}},
    ]);
    let answer = import(&service, &json!({"users": users})).await;
    let errors: Vec<&str> =
        answer["results"].as_array().unwrap().iter().map(|result| result["error"].as_str().unwrap()).collect();
    for (error, part) in errors.iter().zip([
        "",
        "`email`: It is at 0 already.",
        "`username`: It is at 0 already.",
        "`id`: It is at 0 already.",
        "",
        "not an e-mail address",
        "`password_hash`: This is no hash",
        "needs the parameters of its project",
        "`claims`: The claim sub is reserved",
        "not a JSON object",
        "",
    ]) {
        assert!(if part.is_empty() { error.is_empty() } else { error.contains(part) }, "{part}: {error}");
    }
    assert_eq!(counts(&answer), [2, 1, 8]);
    assert!(!answer.to_string().contains("hunter2"), "no value is quoted");

    let lenient = json!({"lenient": true, "users": [
        {"email": "eight@b.de", "username": "one"}, {"email": "nine@b.de", "username": "new", "role_id": "x"},
        {"email": "ten@b.de", "username": "new"}]});
    let answer = import(&service, &lenient).await;
    assert_eq!(counts(&answer), [3, 0, 0]);
    let left_out = |index: usize| answer["results"][index]["left_out"].to_string();
    assert!(left_out(0).contains("This username is taken."), "{}", left_out(0));
    assert!(left_out(1).contains("`role_id` must") && left_out(2).contains("It is at 1 already."), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn a_page_has_its_bounds_and_a_fault_in_its_middle_is_healed_by_the_same_request() {
    let service = service().await;
    let many = |count: usize| json!({"users": (0..count).map(|number| json!({"email": format!("{number}@b.de"), "id": number})).collect::<Vec<_>>()});
    for (body, code) in [
        (json!({}), "required"),
        (json!({"users": []}), "invalid_number"),
        (json!({"users": {"email": "a@b.de"}}), "invalid_type"),
        (many(101), "invalid_number"),
    ] {
        let answer = call(&service, Method::POST, "/admin/import").json(body.clone()).await.is(400);
        assert_eq!(answer.fields(), [("users", code)], "{body}");
    }
    let filled = |bytes: usize| {
        let empty = json!({"users": [{"email": "a@b.de", "x": ""}]}).to_string();
        empty.replace("\"x\":\"\"", &format!("\"x\":\"{}\"", "x".repeat(bytes - empty.len())))
    };
    for (bytes, status) in [(IMPORT_BYTES_MAX, 200), (IMPORT_BYTES_MAX + 1, 413)] {
        let call = call(&service, Method::POST, "/admin/import").header("content-type", "application/json");
        call.body(filled(bytes)).send().await.is(status);
    }
    let page = call(&service, Method::POST, "/admin/users").header("content-type", "application/json");
    page.body(filled(IMPORT_BYTES_MAX)).send().await.is(413);

    let faults = Faults::seeded(7);
    let variables = [("ADMIN_KEY", "anna:an admin's key of 32 characters or more")];
    let faulty = Service::faulty(admin::router(), &variables, &faults).await;
    faulty.app().store().mark_listed().await.unwrap();
    faults.inject_at_rate(0.8);
    let mut refused = 0;
    while call(&faulty, Method::POST, "/admin/import").json(many(60)).await.status != 200 {
        refused += 1;
        assert!(refused < 500, "the page never gets through");
    }
    faults.clear();
    assert!(refused > 0 && faults.injected() > 0);
    let answer = call(&faulty, Method::POST, "/admin/import").json(many(60)).await.is(200).body;
    assert_eq!((counts(&answer), exported(&faulty, 100, String::new()).await.len()), ([0, 60, 0], 60));
}
