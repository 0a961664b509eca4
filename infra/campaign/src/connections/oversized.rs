//! Bodies that are too large, over connections that are kept, among requests that are not.

use axum::http::Method;
use tokio::task::JoinSet;

use crate::{Scale, client::Client, process::Process, report::Report, seeded_rng::seeded_rng};

/// The number of senders at once. They share the connections of one client.
const SENDERS: usize = 8;
/// The sizes of the bodies, in bytes: the smallest that is too large, and some megabytes.
const SIZES: [usize; 5] = [16 * 1024 + 1, 40_000, 200_000, 1_000_000, 5_000_000];

/// The counts of one sender.
#[derive(Default)]
struct Counts {
    refused: usize,
    others: usize,
    lost: Vec<String>,
}

/// Sends bodies that are too large, and another request behind each.
pub async fn run(scale: Scale, process: &Process, report: &mut Report) {
    let bodies = scale.of(200, 1_000);
    let (client, mut senders) = (process.client(), JoinSet::new());
    for sender in 0..SENDERS {
        senders.spawn(send(client.clone(), sender, bodies / SENDERS));
    }
    let mut all = Counts::default();
    while let Some(counts) = senders.join_next().await {
        let Counts { refused, others, lost } = counts.expect("it ends");
        all = Counts { refused: all.refused + refused, others: all.others + others, lost: [all.lost, lost].concat() };
    }
    report.row(
        format!("{bodies} bodies that are too large, on connections that are kept, a request behind each"),
        format!("{bodies} × 413 read, and no other request lost"),
        format!("{} × 413, {} others served, lost: {:?}", all.refused, all.others, all.lost),
        all.refused == bodies && all.others == bodies && all.lost.is_empty(),
    );
}

async fn send(client: Client, sender: usize, bodies: usize) -> Counts {
    let (mut rng, mut counts) = (seeded_rng(&format!("oversized {sender}")), Counts::default());
    for _ in 0..bodies {
        let size = *rng.choice(&SIZES).unwrap_or(&SIZES[0]);
        let request = client.request(Method::POST, "/login").header("content-type", "application/json");
        match client.send(request, vec![b' '; size]).await {
            Ok(answer) if answer.status == 413 && answer.text_of("code") == "payload_too_large" => counts.refused += 1,
            Ok(answer) => counts.lost.push(format!("{size}: {} {}", answer.status, answer.text)),
            Err(error) => counts.lost.push(format!("{size}: {error}")),
        }
        match client.send(client.request(Method::GET, "/health"), "").await {
            Ok(answer) if answer.status == 200 => counts.others += 1,
            Ok(answer) => counts.lost.push(format!("other: {} {}", answer.status, answer.text)),
            Err(error) => counts.lost.push(format!("other: {error}")),
        }
    }
    counts
}
