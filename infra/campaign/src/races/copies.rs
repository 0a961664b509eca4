//! Copies of a refresh token: those of a thief, and those of a client that asks again.
//!
//! A thief who refreshes whenever the owner does must be noticed. A client that loses answers, or
//! has two tabs, must not count as two callers. The rows count the sessions that ended.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Duration,
};

use serde_json::Value;
use shared::testing::{Answer, Service};

use super::{batch::Batch, service};
use crate::{Scale, report::Report, requests::Request, seeded_rng::seeded_rng, wait_for};

const OWNER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const THIEF: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1));

/// The number of rotations within which a thief must be noticed.
const NOTICED_WITHIN: usize = 3;
/// A session lives for 30 days, so that these rotations an hour apart fit into its life.
const ROTATIONS_OF_A_SESSION: usize = 500;
const PERIOD: Duration = Duration::from_secs(3_500);

/// Runs the case, and adds its rows.
pub fn run(scale: Scale, report: &mut Report) {
    wait_for(async {
        lockstep(scale.of(6, 200), report).await;
        two_tabs(scale.of(15, 1_000), report).await;
        lost_answers(scale.of(50, 10_000), report).await;
    });
}

async fn refresh(service: &Arc<Service>, session: &Value, ip: IpAddr) -> Answer {
    Request::refresh(session).with_ip(ip).send(service).await
}

/// Steals the first token of each session. Owner and thief then refresh in step, in random order.
async fn lockstep(sessions: usize, report: &mut Report) {
    let service = service().await;
    let user = service.account("lockstep@races.example").await;
    let mut rng = seeded_rng("races: copies");
    let (mut noticed, mut ended) = (0, 0);
    for _ in 0..sessions {
        let mut token = service.session(&user).await;
        for _ in 0..NOTICED_WITHIN {
            let (first, second) = if rng.bool() { (OWNER, THIEF) } else { (THIEF, OWNER) };
            let child = refresh(&service, &token, first).await;
            let again = refresh(&service, &token, second).await;
            if again.body["code"] == "refresh_token_reused" {
                noticed += 1;
                ended += usize::from(refresh(&service, &child.body, OWNER).await.status == 401);
                break;
            }
            token = child.body;
            service.pass(PERIOD);
        }
    }
    report.row(
        format!("{sessions} sessions with a copy of the token that moves in step with its owner"),
        format!("noticed within {NOTICED_WITHIN} rotations, and the session is over for both"),
        format!("{noticed} noticed, {ended} over"),
        [noticed, ended] == [sessions; 2],
    );
}

/// One client loses every answer, and asks again.
async fn lost_answers(refreshes: usize, report: &mut Report) {
    let service = service().await;
    let user = service.account("lost-copies@races.example").await;
    let (mut token, mut same, mut alarms) = (Value::Null, 0, 0);
    for refreshed in 0..refreshes {
        if refreshed % ROTATIONS_OF_A_SESSION == 0 {
            token = service.session(&user).await;
        }
        let lost = refresh(&service, &token, OWNER).await;
        let again = refresh(&service, &token, OWNER).await;
        same += usize::from(again.status == 200 && again.body["refresh_token"] == lost.body["refresh_token"]);
        alarms += usize::from(again.body["code"] == "refresh_token_reused");
        token = again.body;
        service.pass(PERIOD);
    }
    report.row(
        format!("{refreshes} lost answers in a row at one client"),
        "each child again, and no false alarm",
        format!("{same} the same child, {alarms} false alarms"),
        same == refreshes && alarms == 0,
    );
}

/// Two tabs of one browser refresh at the same time.
async fn two_tabs(refreshes: usize, report: &mut Report) {
    let service = service().await;
    let user = service.account("tabs@races.example").await;
    let (mut token, mut same) = (Value::Null, 0);
    for refreshed in 0..refreshes {
        if refreshed % ROTATIONS_OF_A_SESSION == 0 {
            token = service.session(&user).await;
        }
        let batch = Batch::send(&service, vec![Request::refresh(&token).with_ip(OWNER); 2]).await;
        let children: Vec<&Value> = batch.answers(200).collect();
        same += usize::from(matches!(&children[..], [one, other] if one["refresh_token"] == other["refresh_token"]));
        let Some(next) = children.first() else { break };
        token = (*next).clone();
        service.pass(PERIOD);
    }
    report.row(
        format!("{refreshes} refreshes by two tabs at the same time"),
        "both tabs get the same child, and no session ends",
        format!("{same} pairs of equal children"),
        same == refreshes,
    );
}
