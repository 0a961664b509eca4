//! `POST /admin/webhooks/test`: tries the webhook for events of accounts.

use axum::{Json, extract::State};
use serde::Serialize;
use shared::{
    App,
    auth::events::EventDelivery,
    error::Error,
    http::{
        admin::Admin,
        api::{Api, Operation},
    },
    sample::{Meaning, Sample},
    telemetry::audit,
};

/// The endpoint of this part.
pub fn api() -> Api {
    let operation = Operation::new::<WebhookTest>("adminTestWebhook", "Try the webhook")
        .text(
            "Sends one signed message of the type webhook.test, about nobody, to EVENT_WEBHOOK_URL. An endpoint that \
             accepts the message gets calls again, also after a 410.",
        )
        .admin_key()
        .fails(&[(501, "not_configured")]);
    Api::new().post("/admin/webhooks/test", test, operation)
}

/// The outcome of the call.
#[derive(Serialize)]
struct WebhookTest {
    delivered: bool,
    status: u16,
    took_ms: u64,
    webhook_id: String,
    message: String,
}

impl Sample for WebhookTest {
    const NAME: &'static str = "WebhookTest";
    const MEMBERS: &'static [Meaning] = &[
        ("delivered", "Whether the endpoint accepted the message."),
        ("status", "The status of its answer; 0 without one."),
        ("took_ms", "The time of the call, in milliseconds."),
        ("webhook_id", "The header webhook-id of the call."),
        ("message", "A sentence for people."),
    ];

    fn sample() -> Self {
        Self {
            delivered: true,
            status: 200,
            took_ms: 83,
            webhook_id: "019a3c5e-7a10-7c3b-9d2e-4f5a6b7c8d9e".to_owned(),
            message: "The endpoint has accepted the message.".to_owned(),
        }
    }
}

/// 200 with the outcome, whatever it is. 501 without an endpoint.
async fn test(State(app): State<App>, _: Admin) -> Result<Json<WebhookTest>, Error> {
    let delivery = EventDelivery::new(app);
    let tested = delivery.test().await?;
    if tested.is_accepted {
        delivery.open_endpoint().await?;
    }
    audit::event("webhook_tested");
    Ok(Json(WebhookTest {
        delivered: tested.is_accepted,
        status: tested.status.unwrap_or_default(),
        took_ms: u64::try_from(tested.took.as_millis()).unwrap_or(u64::MAX),
        webhook_id: tested.id,
        message: tested.sentence,
    }))
}
