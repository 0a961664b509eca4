//! Events in the formats of the AWS documentation, for requests that need no hash.

use serde_json::{Value, json};

/// Every request in every format.
pub fn samples() -> Vec<Vec<u8>> {
    let requests = [
        ("GET", "/health", "", ""),
        ("GET", "/verify", "check_revoked=true", ""),
        ("POST", "/verify", "", r#"{"token": "eyJhbGciOiJub25lIn0.e30."}"#),
        ("POST", "/jwt/decode", "", r#"{"token": "eyJhbGciOiJSUzI1NiJ9.eyJleHAiOjF9.AAAA"}"#),
        ("POST", "/refresh", "", r#"{"refresh_token": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#),
        ("POST", "/login", "", r#"{"email": "james@yopmail.com", "password": "short"}"#),
        ("GET", "/.well-known/openid-configuration", "x=%C3%A9&x=2", ""),
        ("OPTIONS", "/login", "", ""),
        ("PATCH", "/me", "", "name=James"),
    ];
    let formats = [http_api, rest_api, load_balancer, load_balancer_with_multi_value_headers, function_url];
    let made = requests.iter().flat_map(|(method, path, query, body)| {
        formats.iter().map(move |format| format(method, path, query, body).to_string().into_bytes())
    });
    made.collect()
}

fn content_type(body: &str) -> &'static str {
    if body.starts_with('{') { "application/json" } else { "application/x-www-form-urlencoded" }
}

fn body_or_null(body: &str) -> Value {
    if body.is_empty() { Value::Null } else { body.into() }
}

/// An HTTP API with payload format 2.0.
fn http_api(method: &str, path: &str, query: &str, body: &str) -> Value {
    json!({
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": query,
        "cookies": ["a=1", "b=2"],
        "headers": {
            "accept": "*/*", "authorization": "Bearer a.b.c", "content-type": content_type(body),
            "host": "id.execute-api.us-east-1.amazonaws.com", "x-forwarded-for": "192.0.2.1", "x-request-id": "abc-1"
        },
        "queryStringParameters": {"x": "1,2"},
        "requestContext": {
            "accountId": "123456789012", "apiId": "id", "domainName": "id.execute-api.us-east-1.amazonaws.com",
            "domainPrefix": "id", "requestId": "JKJaXmPLvHcESHA=", "routeKey": "$default", "stage": "$default",
            "time": "10/Mar/2026:05:16:23 +0000", "timeEpoch": 1_773_119_783_390_u64,
            "http": {
                "method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "agent"
            }
        },
        "pathParameters": {"proxy": "x"}, "stageVariables": {"v": "1"},
        "body": body_or_null(body), "isBase64Encoded": false
    })
}

/// A function URL: the same format with another domain.
fn function_url(method: &str, path: &str, query: &str, body: &str) -> Value {
    let mut event = http_api(method, path, query, body);
    event["requestContext"]["domainName"] = json!("id.lambda-url.us-east-1.on.aws");
    event["requestContext"]["authentication"] = Value::Null;
    event["requestContext"]["authorizer"] = json!({"iam": {"accessKey": "AKIA", "accountId": "1", "callerId": "AIDA",
        "cognitoIdentity": null, "principalOrgId": null, "userArn": "arn:aws:iam::1:user/x", "userId": "AIDA"}});
    event
}

/// A REST API, or an HTTP API with payload format 1.0.
fn rest_api(method: &str, path: &str, query: &str, body: &str) -> Value {
    json!({
        "version": "1.0", "resource": "/{proxy+}", "path": path, "httpMethod": method,
        "headers": {"Content-Type": content_type(body), "Host": "id.execute-api.us-east-1.amazonaws.com"},
        "multiValueHeaders": {"Content-Type": [content_type(body)], "Accept": ["text/html", "application/problem+json"]},
        "queryStringParameters": {"q": query}, "multiValueQueryStringParameters": {"q": [query, "2"]},
        "requestContext": {
            "accountId": "123456789012", "apiId": "id", "domainName": "id.execute-api.us-east-1.amazonaws.com",
            "domainPrefix": "id", "extendedRequestId": "r", "httpMethod": method, "path": path, "protocol": "HTTP/1.1",
            "identity": {"sourceIp": "192.0.2.1", "userAgent": "agent", "accountId": null, "clientCert": null},
            "requestId": "id=", "requestTime": "04/Mar/2020:19:15:17 +0000", "requestTimeEpoch": 1_583_349_317_135_u64,
            "resourceId": null, "resourcePath": "/{proxy+}", "stage": "$default", "authorizer": {"claims": null}
        },
        "pathParameters": {"proxy": "x"}, "stageVariables": null,
        "body": body_or_null(body), "isBase64Encoded": false
    })
}

/// An Application Load Balancer.
fn load_balancer(method: &str, path: &str, query: &str, body: &str) -> Value {
    json!({
        "requestContext": {"elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:us-east-1:1:targetgroup/t/1"}},
        "httpMethod": method, "path": path, "queryStringParameters": {"q": query},
        "headers": {"content-type": content_type(body), "host": "lb.us-east-1.elb.amazonaws.com", "accept": "*/*"},
        "body": body, "isBase64Encoded": false
    })
}

/// An Application Load Balancer with multi-value headers.
fn load_balancer_with_multi_value_headers(method: &str, path: &str, query: &str, body: &str) -> Value {
    json!({
        "requestContext": {"elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:us-east-1:1:targetgroup/t/1"}},
        "httpMethod": method, "path": path, "multiValueQueryStringParameters": {"q": [query, "%20"]},
        "multiValueHeaders": {"content-type": [content_type(body)], "host": ["lb.us-east-1.elb.amazonaws.com"]},
        "body": body, "isBase64Encoded": false
    })
}
