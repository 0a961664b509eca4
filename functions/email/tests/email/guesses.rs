//! Guesses and completions at the same time, in any number of processes.

use futures_util::future::join_all;
use shared::testing::{Service, wrong_code_of};
use tokio::task;

use super::{NEW_PASSWORD, forgot, has_password, reset, reset_with, service};

#[tokio::test(start_paused = true)]
async fn a_code_has_five_guesses_and_then_the_right_one_is_refused_too() {
    let service = service().await;
    service.account("james@yopmail.com").await;
    for email in ["james@yopmail.com", "nobody@yopmail.com"] {
        let challenge = forgot(&service, email).await;
        service.calls();
        for (number, left) in [4, 3, 2, 1, 0].into_iter().enumerate() {
            let wrong = wrong_code_of(&challenge, u32::try_from(number).unwrap());
            let answer = reset_with(&service, &challenge, &wrong, NEW_PASSWORD).await.refused(401, "code_invalid");
            let told = match left {
                0 => "This code is wrong or has expired. Ask for a new one.".to_owned(),
                1 => "This code is wrong or has expired. You have 1 try left.".to_owned(),
                left => format!("This code is wrong or has expired. You have {left} tries left."),
            };
            assert_eq!(answer.body["message"], told, "{email}");
            assert_eq!(service.calls(), ["BatchGetItem", "TransactWriteItems"], "{email}");
        }
        let answer = reset(&service, &challenge, NEW_PASSWORD).await.refused(401, "code_invalid");
        assert!(answer.body["message"].as_str().unwrap().ends_with("Ask for a new one."), "{email}");
        assert_eq!(service.calls(), ["BatchGetItem"], "{email}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_right_code_for_nobody_is_a_wrong_one() {
    let service = service().await;
    let challenge = forgot(&service, "nobody@yopmail.com").await;
    let answer = reset(&service, &challenge, NEW_PASSWORD).await.refused(401, "code_invalid");
    assert!(answer.body["message"].as_str().unwrap().ends_with("4 tries left."));
}

/// Fifty guesses at once in each of twenty processes: no more than five are told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_guesses_in_twenty_processes_learn_of_five() {
    let service = service().await;
    let user = service.account("james@yopmail.com").await;
    let challenge = forgot(&service, "james@yopmail.com").await;
    let mut guesses = Vec::new();
    for process in 0..20_u32 {
        let other = std::sync::Arc::new(service.beside(email::router(), &[], None).await);
        for number in 0..50 {
            let (other, challenge) = (other.clone(), challenge.clone());
            guesses.push(task::spawn(async move {
                let wrong = wrong_code_of(&challenge, process * 50 + number);
                reset_with(&other, &challenge, &wrong, NEW_PASSWORD).await
            }));
        }
    }
    let answers: Vec<_> = join_all(guesses).await.into_iter().map(Result::unwrap).collect();
    let told = |answer: &&shared::testing::Answer| answer.body["message"].as_str().unwrap().contains(" left");
    // The fifth is told that none is left, and so are all who come too late.
    assert_eq!(answers.iter().filter(told).count(), 4);
    assert!(answers.iter().all(|answer| [401, 503].contains(&answer.status.as_u16())));
    assert_eq!(service.proofs().await[0].tries, 5);
    reset(&service, &challenge, NEW_PASSWORD).await.refused(401, "code_invalid");
    assert!(!has_password(&service, &user, NEW_PASSWORD).await);
}

async fn parallel(service: &Service, passwords: Vec<String>) -> Vec<(String, u16)> {
    let challenge = forgot(service, "james@yopmail.com").await;
    join_all(passwords.into_iter().map(async |password| {
        let status = reset(service, &challenge, &password).await.status.as_u16();
        (password, status)
    }))
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_hundred_resets_at_once_one_is_done_and_its_password_holds() {
    let service = service().await;
    let user = service.account("james@yopmail.com").await;
    let passwords = (0..200).map(|number| format!("violet tractor {number} umbrella")).collect();
    let answers = parallel(&service, passwords).await;
    let done: Vec<_> = answers.iter().filter(|(_, status)| *status == 200).collect();
    assert_eq!(done.len(), 1, "{answers:?}");
    // A hash that would wait too long is refused too.
    assert!(answers.iter().all(|(_, status)| [200, 401, 503].contains(status)), "{answers:?}");
    assert!(has_password(&service, &user, &done[0].0).await);
}
