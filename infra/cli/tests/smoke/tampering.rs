//! A server whose answers are changed on their way, as by a gateway that is set up wrongly or by a
//! broken release.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header},
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
    service::TowerToHyperService,
};
use serde_json::Value;
use tokio::{net::TcpListener, time};
use tower::ServiceExt;

/// More than any answer has.
const BODY_BYTES_MAX: usize = 1024 * 1024;

/// An answer that may be changed before it is sent.
pub struct Answer {
    /// The method and the path of its request, without the query.
    pub request: (Method, String),
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    /// The time that it is held back.
    pub delay: Duration,
    /// Whether it is lost: the connection is closed in its place.
    pub is_lost: bool,
}

impl Answer {
    /// Changes the body as JSON.
    pub fn json(&mut self, change: impl FnOnce(&mut Value)) {
        let mut value = serde_json::from_slice(&self.body).unwrap();
        change(&mut value);
        self.body = value.to_string().into();
    }
}

/// Changes some of the answers.
pub type Change = Box<dyn FnMut(&mut Answer) + Send>;

/// Serves `router` on a port of its own, with every answer changed. Returns its base URL.
pub async fn serve(router: Router, change: Change) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let change = Arc::new(Mutex::new(change));
    let service = tower::service_fn(move |request: Request<_>| {
        let (router, change) = (router.clone(), change.clone());
        async move {
            let tamper = |answer: &mut Answer| change.lock().unwrap_or_else(PoisonError::into_inner)(answer);
            respond(router, request.map(Body::new), tamper).await
        }
    });
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = TowerToHyperService::new(service.clone());
            // A lost answer is an error of its connection.
            tokio::spawn(async move {
                auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await
            });
        }
    });
    url
}

async fn respond(
    router: Router,
    request: Request<Body>,
    tamper: impl FnOnce(&mut Answer),
) -> io::Result<Response<Body>> {
    let request_line = (request.method().clone(), request.uri().path().to_owned());
    let (parts, body) = router.oneshot(request).await.unwrap().into_parts();
    let body = to_bytes(body, BODY_BYTES_MAX).await.unwrap().to_vec();
    let mut answer = Answer {
        request: request_line,
        status: parts.status,
        headers: parts.headers,
        body,
        delay: Duration::ZERO,
        is_lost: false,
    };
    tamper(&mut answer);
    time::sleep(answer.delay).await;
    if answer.is_lost {
        return Err(io::ErrorKind::ConnectionReset.into());
    }
    // It is written anew for the body that is sent.
    answer.headers.remove(header::CONTENT_LENGTH);
    let mut response = Response::new(Body::from(answer.body));
    (*response.status_mut(), *response.headers_mut()) = (answer.status, answer.headers);
    Ok(response)
}

/// Changes nothing.
pub fn nothing() -> Change {
    Box::new(|_| {})
}

/// Changes the answers to this method at this path.
pub fn at(method: Method, path: &'static str, mut change: Change) -> Change {
    Box::new(move |answer| {
        if answer.request.0 == method && answer.request.1 == path {
            change(answer);
        }
    })
}

/// Changes only the answer with this number of those that it is asked to change, beginning with 1.
pub fn nth(number: usize, mut change: Change) -> Change {
    let mut seen = 0;
    Box::new(move |answer| {
        seen += 1;
        if seen == number {
            change(answer);
        }
    })
}

pub fn status(status: u16) -> Change {
    Box::new(move |answer| answer.status = StatusCode::from_u16(status).unwrap())
}

/// Replaces a header, or adds it.
pub fn header(name: &'static str, value: &'static str) -> Change {
    Box::new(move |answer| {
        answer.headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    })
}

/// Adds a header beside one that is there.
pub fn second_header(name: &'static str, value: &'static str) -> Change {
    Box::new(move |answer| {
        answer.headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
    })
}

pub fn without_header(name: &'static str) -> Change {
    Box::new(move |answer| {
        answer.headers.remove(name);
    })
}

/// Changes the body as JSON.
pub fn json(mut change: impl FnMut(&mut Value) + Send + 'static) -> Change {
    Box::new(move |answer| answer.json(&mut change))
}

/// Sets a member of the body.
pub fn member(name: &'static str, value: Value) -> Change {
    json(move |body| body[name] = value.clone())
}

/// Replaces the body.
pub fn body(text: &'static str) -> Change {
    Box::new(move |answer| answer.body = text.into())
}

pub fn lost() -> Change {
    Box::new(|answer| answer.is_lost = true)
}

pub fn late(delay: Duration) -> Change {
    Box::new(move |answer| answer.delay = delay)
}
