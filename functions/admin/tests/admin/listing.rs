//! Lists, exact look-ups, prefixes and pages.

use std::{collections::BTreeMap, time::Duration};

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use shared::{
    account::{email::Email, user::User},
    password::StoredHash,
    testing::Service,
    time::Timestamp,
};

use super::{all, get, service};

/// Stores an account without the work of a hash, made at this second.
async fn stored(service: &Service, number: usize, second: i64) -> User {
    let email = Email::parse(&format!("user{number:04}@b.de")).unwrap();
    let hash = StoredHash::new("canary of a hash");
    let user =
        User::new(service.app().uuid().unwrap(), &email, None, String::new(), hash, Timestamp::from_seconds(second));
    service.app().store().import_user(&user).await.unwrap();
    user
}

async fn pages(service: &Service, query: &str) -> Vec<Value> {
    let (mut pages, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = if cursor.is_empty() { query.to_owned() } else { format!("{query}&cursor={cursor}") };
        let page = get(service, &path).await.is(200).body;
        page["next_cursor"].as_str().unwrap().clone_into(&mut cursor);
        pages.push(page);
        if cursor.is_empty() {
            return pages;
        }
    }
}

fn emails(pages: &[Value]) -> Vec<&str> {
    pages.iter().flat_map(|page| all(page, "email")).collect()
}

#[tokio::test(start_paused = true)]
async fn an_account_is_shown_whole_and_without_its_hash() {
    let service = service().await;
    let user = service.account_with("James@B.de", Some("james"), |user| user.role_id = 7).await;
    let shown = get(&service, &format!("/admin/users/{}", user.id)).await.is(200);
    let expected = json!({
        "id": user.id, "email": "James@B.de", "email_verified": false, "username": "james", "name": "James", "role_id": 7, "role": "", "claims": {}, "private_metadata": {},
        "disabled": false, "has_password": true, "metadata": {}, "created_at": user.created_at.rfc3339(),
        "identities": [], "sessions_ended_at": "", "test_code_until": "", "version": 0,
    });
    assert_eq!(shown.body["user"], expected);
    assert!(!shown.text.contains("argon2"), "{}", shown.text);
    assert_eq!(service.calls(), ["BatchGetItem", "BatchGetItem"]);
    let page = get(&service, "/admin/users").await.is(200).body;
    assert_eq!(page, json!({"users": [expected], "count": 1, "next_cursor": "", "complete": true}));
    for id in ["nobody", "019a3c5e-7a10-7c3b-9d2e-4f5a6b7c8d9e", "%00", "a%2Fb"] {
        get(&service, &format!("/admin/users/{id}")).await.refused(404, "user_not_found");
    }
}

#[tokio::test(start_paused = true)]
async fn an_exact_look_up_finds_one_account_or_none() {
    let service = service().await;
    let user = service.account_with("James@B.de", Some("james"), |_| {}).await;
    service.account("james@c.de").await;
    for query in ["email=james@b.DE", "username=JAMES", &format!("id={}", user.id)] {
        let page = get(&service, &format!("/admin/users?{query}")).await.is(200).body;
        assert_eq!((all(&page, "id"), &page["count"]), (vec![&*user.id], &json!(1)), "{query}");
        assert_eq!((&page["next_cursor"], &page["complete"]), (&json!(""), &json!(true)));
    }
    service.calls();
    for query in ["email=nobody@b.de", "username=nobody", "id=nobody"] {
        assert_eq!(get(&service, &format!("/admin/users?{query}")).await.is(200).body["count"], 0, "{query}");
    }
    assert_eq!(service.calls().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn pages_go_by_age_from_either_end_and_within_times() {
    let service = service().await;
    for number in 0..23 {
        stored(&service, number, 1_779_840_000 + i64::try_from(number).unwrap() * 3_600).await;
    }
    let oldest = pages(&service, "/admin/users?order=oldest&limit=10").await;
    assert_eq!(oldest.iter().map(|page| page["count"].as_u64().unwrap()).collect::<Vec<_>>(), [10, 10, 3]);
    let in_order: Vec<String> = (0..23).map(|number| format!("user{number:04}@b.de")).collect();
    assert_eq!(emails(&oldest), in_order);
    let newest = pages(&service, "/admin/users?limit=7").await;
    assert_eq!(emails(&newest), in_order.iter().rev().map(String::as_str).collect::<Vec<_>>());
    // From 02:00, which counts, to 05:00, which does not.
    let between = "created_after=2026-05-27T02:00:00Z&created_before=2026-05-27T05:00:00Z";
    let between = pages(&service, &format!("/admin/users?{between}&order=oldest&limit=2")).await;
    assert_eq!(emails(&between), in_order[2..5]);
    assert_eq!(emails(&pages(&service, "/admin/users?created_after=2027-01-01").await), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_page_of_fifty_takes_three_round_trips() {
    let service = service().await;
    for number in 0..60 {
        stored(&service, number, 1_779_840_000).await;
    }
    service.calls();
    for query in ["limit=50", "limit=50&email_prefix=user"] {
        let page = get(&service, &format!("/admin/users?{query}")).await.is(200).body;
        assert_eq!(page["count"], 50);
        let calls = service.calls();
        assert!(calls.len() <= 3 && calls[0] == "Query", "{query}: {calls:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cursor_belongs_to_its_query_and_nobody_makes_one() {
    let service = service().await;
    for number in 0..3 {
        stored(&service, number, 1_779_840_000).await;
    }
    let page = get(&service, "/admin/users?limit=1").await.is(200).body;
    let cursor = page["next_cursor"].as_str().unwrap();
    get(&service, &format!("/admin/users?limit=2&cursor={cursor}")).await.is(200);
    let (entry, _) = cursor.split_once('.').unwrap();
    for query in [
        format!("order=oldest&cursor={cursor}"),
        format!("email_prefix=u&cursor={cursor}"),
        format!("created_after=2020-01-01&cursor={cursor}"),
        format!("cursor={cursor}A"),
        format!("cursor=A{cursor}"),
        format!("cursor={entry}"),
        format!("cursor={entry}."),
        "cursor=...".to_owned(),
    ] {
        let answer = get(&service, &format!("/admin/users?limit=1&{query}")).await.refused(400, "invalid_request");
        assert_eq!(answer.fields(), [("cursor", "invalid_cursor")], "{query}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_query_that_says_too_much_or_nothing_sensible_is_refused_at_once() {
    let service = service().await;
    for (query, fields) in [
        ("emial=a@b.de", &[("query", "unknown_parameter")][..]),
        ("limit=0", &[("limit", "invalid_number")]),
        ("limit=101&order=up", &[("limit", "invalid_number"), ("order", "invalid_order")]),
        ("email=a@b.de&username=abc", &[("username", "ambiguous")]),
        ("email_prefix=a&order=oldest", &[("order", "ambiguous")]),
        ("created_before=soon", &[("created_before", "invalid_time")]),
        ("email=nothing", &[("email", "invalid_search")]),
        ("username=a+b", &[("username", "invalid_search")]),
    ] {
        let answer = get(&service, &format!("/admin/users?{query}")).await.refused(400, "invalid_request");
        assert_eq!(answer.fields(), fields, "{query}");
    }
}

/// Invariant b7: a search by prefix finds what a filter over all accounts finds.
#[tokio::test(start_paused = true)]
async fn a_prefix_finds_what_a_filter_over_all_accounts_finds() {
    let service = service().await;
    let addresses = ["ann@b.de", "anna@b.de", "annabel@c.de", "ann.b@b.de", "bob@b.de", "a@z.de", "ann+1@b.de"];
    for (index, address) in addresses.into_iter().enumerate() {
        service.account_with(address, Some(&format!("user_{index}x")), |_| {}).await;
    }
    service.account_with("Zoe@B\u{fc}cher.de", Some("zoe.long-name"), |_| {}).await;
    let everybody = pages(&service, "/admin/users?limit=100").await;
    let all_of =
        |member| everybody.iter().flat_map(|page| all(page, member)).map(str::to_lowercase).collect::<Vec<_>>();
    for (parameter, member, prefixes) in [
        ("email_prefix", "email", &["ann", "anna", "a", "ann@", "ann.", "ANN", "bob@b.de", "zz", "zoe@"][..]),
        ("username_prefix", "username", &["user_", "user_1", "USER_1x", "zoe.", "x"]),
    ] {
        for prefix in prefixes {
            let found = pages(&service, &format!("/admin/users?{parameter}={prefix}&limit=2")).await;
            let found = found.iter().flat_map(|page| all(page, member)).map(str::to_lowercase);
            let mut found: Vec<String> = found.collect();
            found.sort();
            let mut expected = all_of(member);
            expected.retain(|text| text.starts_with(&prefix.to_lowercase()));
            expected.sort();
            assert_eq!(found, expected, "{parameter} {prefix}");
        }
    }
}

/// Invariant b6: an account that is there all the time is on exactly one page.
#[tokio::test(start_paused = true)]
async fn an_account_that_is_there_all_the_time_is_on_exactly_one_page() {
    page_through(1_000).await;
}

#[tokio::test(start_paused = true)]
#[ignore = "the long form of the test above, for a minute: make administration"]
async fn of_ten_thousand_accounts_each_that_is_there_all_the_time_is_on_exactly_one_page() {
    let (pages, come, gone) = page_through(10_000).await;
    println!("10000 accounts on {pages} pages, {come} more came and {gone} went meanwhile");
}

/// Reads a list of so many accounts page by page, while others come and go. Returns the numbers of
/// pages, of accounts that came and of accounts that went.
async fn page_through(accounts: usize) -> (usize, usize, usize) {
    let service = service().await;
    let mut going = Vec::new();
    for number in 0..accounts {
        let user = stored(&service, number, 1_779_840_000 + i64::try_from(number / 3).unwrap()).await;
        if number % 5 == 0 {
            going.push(user);
        }
    }
    let (mut seen, mut cursor) = (BTreeMap::<String, usize>::new(), String::new());
    let (mut pages, mut new, mut gone) = (0, accounts, 0);
    loop {
        let page = get(&service, &format!("/admin/users?limit=37&cursor={cursor}")).await.is(200).body;
        pages += 1;
        for email in all(&page, "email") {
            *seen.entry(email.to_owned()).or_default() += 1;
        }
        page["next_cursor"].as_str().unwrap().clone_into(&mut cursor);
        if cursor.is_empty() {
            break;
        }
        // Others come and go meanwhile, at every age.
        for _ in 0..5 {
            let at = fastrand::usize(..going.len().max(1));
            if at < going.len() {
                service.app().store().delete_user(&going.swap_remove(at)).await.unwrap();
                gone += 1;
            }
            let ages = i64::try_from(accounts / 3).unwrap() + 66;
            stored(&service, new, 1_779_840_000 + fastrand::i64(0..ages)).await;
            new += 1;
        }
    }
    for number in (0..accounts).filter(|number| number % 5 != 0) {
        let email = format!("user{number:04}@b.de");
        assert_eq!(seen.get(&email), Some(&1), "{email}");
    }
    assert!(seen.values().all(|times| *times == 1), "an account was on two pages");
    let counted = service.app().store().count_listed().await.unwrap();
    assert_eq!(counted, Some((new - gone) as u64));
    (pages, new - accounts, gone)
}

#[tokio::test(start_paused = true)]
async fn an_account_that_was_deleted_is_on_no_page_and_a_damaged_one_hides_nobody() {
    let service = service().await;
    let (gone, there) = (stored(&service, 0, 1_779_840_000).await, stored(&service, 1, 1_779_840_001).await);
    let damaged = stored(&service, 2, 1_779_840_002).await;
    service.app().store().delete_user(&gone).await.unwrap();
    let update = service.client().update_item().table_name(&service.app().config().table_name);
    let update = update.key("pk", AttributeValue::S(format!("USER#{}", damaged.id)));
    let update =
        update.update_expression("SET role_id = :no").expression_attribute_values(":no", AttributeValue::Bool(true));
    update.send().await.unwrap();
    let page = get(&service, "/admin/users").await.is(200).body;
    assert_eq!(all(&page, "id"), [&*there.id]);
}

/// Removes what puts the records into the index, as in a table of an earlier release.
async fn unlist(service: &Service) {
    let table = &service.app().config().table_name;
    for key in service.keys_stored().await {
        let key = AttributeValue::S(key);
        if key.as_s().unwrap().starts_with("CONFIG#") {
            service.client().delete_item().table_name(table).key("pk", key).send().await.unwrap();
        } else {
            let update = service.client().update_item().table_name(table).key("pk", key);
            update.update_expression("REMOVE list_of, list_key").send().await.unwrap();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_table_from_before_the_index_says_so_until_it_is_upgraded() {
    let service = service().await;
    for number in 0..70 {
        stored(&service, number, 1_779_840_000 + i64::try_from(number).unwrap()).await;
    }
    service.account_with("zoe@b.de", Some("zoe"), |_| {}).await;
    unlist(&service).await;
    service.pass(Duration::from_secs(1));
    service.account("new@b.de").await;
    let before = get(&service, "/admin/users").await.is(200).body;
    assert_eq!((all(&before, "email"), &before["complete"]), (vec!["new@b.de"], &json!(false)));
    assert_eq!(get(&service, "/admin/users?email=zoe@b.de").await.is(200).body["complete"], true);
    assert_eq!(service.app().store().count_listed().await.unwrap(), None);

    let mut parts = Vec::new();
    let upgraded = service.app().store().upgrade(|progress| parts.push(progress)).await.unwrap();
    assert_eq!((upgraded.records, upgraded.damaged, parts.last()), (70 * 2 + 3, 0, Some(&upgraded)));
    let after = pages(&service, "/admin/users?limit=50").await;
    assert_eq!((emails(&after).len(), &after[0]["complete"]), (72, &json!(true)));
    assert_eq!(service.app().store().count_listed().await.unwrap(), Some(72));
    assert_eq!(get(&service, "/admin/users?username_prefix=zo").await.is(200).body["count"], 1);
    // A second upgrade finds nothing left to do.
    assert_eq!(service.app().store().upgrade(|_| {}).await.unwrap().records, 0);
}
