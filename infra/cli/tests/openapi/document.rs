//! `/openapi.json`: every operation, in OpenAPI 3.1.

use std::collections::BTreeMap;

use shared::{
    http::{
        api::{
            Endpoint, Operation, Parameter,
            operation::{Identity, Place, Tag},
            refusals::{ANY, Refusal},
        },
        error_form::{ErrorForm, OAuthError, SupabaseError},
        fields::described::{Described, Need},
        problem,
    },
    sample::Shape,
};

use super::{
    node::Node,
    schema::{self, Dialect, reference},
};

/// The place of the service's own URL.
pub const URL: &str = "https://YOUR-URL";

const TEXT: &str = "\
Accounts and sessions for apps. Every answer is a JSON object with the same members each time. An error has a \
`message` for the person who uses the app, a stable `code`, a `detail` for whoever builds it, and the `fields` that are wrong. \
Errors are `application/problem+json` if `Accept` asks for that. Field names are in lower case, and times are in UTC.";

const TAGS: [(Tag, &str, &str); 8] = [
    (Tag::Sessions, "Sessions", "Accounts, logins, and the life of a session."),
    (Tag::Account, "Account", "The account of whoever calls."),
    (Tag::Tokens, "Tokens", "For servers: make, read and check tokens."),
    (Tag::OAuth, "OAuth", "For clients of OAuth 2.0 in apps of your own."),
    (Tag::Supabase, "Supabase", "For the client libraries of Supabase."),
    (Tag::Pages, "Pages", "Calls of the pages that mails link to."),
    (Tag::Admin, "Admin", "The accounts of everybody, for the people who run the service."),
    (Tag::Documents, "Documents", "Public documents about the service."),
];

/// The document.
pub fn openapi(endpoints: &[Endpoint]) -> Node {
    let tags: Node =
        TAGS.iter().map(|(_, name, text)| Node::object().with("name", *name).with("description", *text)).collect();
    let info = info().with("summary", "A login service.").with("description", TEXT);
    Node::object()
        .with("openapi", "3.1.0")
        .with("info", info)
        .with("servers", servers())
        .with("tags", tags)
        .with("paths", paths(endpoints, operation))
        .with("components", components(endpoints))
}

/// Title, version and licence.
pub fn info() -> Node {
    let license = Node::object().with("name", "MIT or Apache-2.0").with("url", "https://spdx.org/licenses/");
    Node::object().with("title", "Latchkey").with("version", env!("CARGO_PKG_VERSION")).with("license", license)
}

/// The one server.
pub fn servers() -> Node {
    Node::List(vec![Node::object().with("url", URL)])
}

/// The paths in the order of the endpoints, each written by `write`.
pub fn paths(endpoints: &[Endpoint], write: impl Fn(&Endpoint) -> Node) -> Node {
    let mut paths: Vec<(String, Node)> = Vec::new();
    for endpoint in endpoints {
        let at = paths.iter().position(|(path, _)| path == endpoint.path).unwrap_or_else(|| {
            paths.push((endpoint.path.to_owned(), Node::object()));
            paths.len() - 1
        });
        let methods = paths[at].1.clone();
        paths[at].1 = methods.with(endpoint.method.to_lowercase(), write(endpoint));
    }
    Node::Object(paths)
}

/// The ways to show who calls.
pub fn security_schemes() -> [(&'static str, Node); 4] {
    let bearer = Node::object().with("type", "http").with("scheme", "bearer").with("bearerFormat", "JWT");
    let key = Node::object().with("type", "apiKey").with("in", "header").with("name", "X-Api-Key");
    let admin_key = Node::object().with("type", "apiKey").with("in", "header").with("name", "X-Admin-Key");
    let of_role = "An admin token. The access token of an account with a role of ADMIN_ROLES counts too.";
    let admin_token = bearer.clone().with("description", of_role);
    [("access_token", bearer), ("api_key", key), ("admin_key", admin_key), ("admin_token", admin_token)]
}

fn operation(endpoint: &Endpoint) -> Node {
    let operation = &endpoint.operation;
    let tag = TAGS.iter().find(|(tag, ..)| *tag == operation.tag).map_or("", |(_, name, _)| name);
    let parameters: Node = operation.parameters.iter().map(parameter).collect();
    let fields = operation.body.map(|describe| describe());
    Node::object()
        .with("operationId", operation.id)
        .with("summary", operation.summary)
        .maybe("description", Some(operation.text).filter(|text| !text.is_empty()))
        .with("tags", Node::List(vec![tag.into()]))
        .with("security", security(operation.identity))
        .maybe("parameters", Some(parameters).filter(|_| !operation.parameters.is_empty()))
        .maybe("requestBody", fields.map(|fields| request_body(operation, &fields)))
        .with("responses", responses(endpoint))
}

fn security(identity: Identity) -> Node {
    let needs = |name: &str| Node::object().with(name, Node::List(Vec::new()));
    Node::List(match identity {
        Identity::Anybody => Vec::new(),
        Identity::Bearer => vec![needs("access_token")],
        Identity::BearerOrField => vec![Node::object(), needs("access_token")],
        Identity::ApiKey => vec![needs("api_key")],
        Identity::AdminKey => vec![needs("admin_key"), needs("admin_token")],
    })
}

/// A parameter of path, query or header.
pub fn parameter(parameter: &Parameter) -> Node {
    named_parameter(parameter)
        .with("description", parameter.text)
        .with("schema", schema::of_kind(parameter.kind))
        .with("example", typed(parameter))
}

/// The name and the place of a parameter, which every document tells alike.
pub fn named_parameter(parameter: &Parameter) -> Node {
    let place = match parameter.place {
        Place::Path => "path",
        Place::Query => "query",
        Place::Header => "header",
    };
    Node::object()
        .with("name", parameter.name)
        .with("in", place)
        .maybe("required", Some(true).filter(|_| parameter.place == Place::Path))
}

fn typed(parameter: &Parameter) -> Node {
    parameter.example.parse::<bool>().map_or_else(|_| parameter.example.into(), Node::from)
}

fn request_body(operation: &Operation, fields: &[Described]) -> Node {
    let media = Node::object().with("schema", reference(&input_name(operation)));
    let content =
        Node::object().with("application/json", media.clone()).with("application/x-www-form-urlencoded", media);
    let is_required = fields.iter().any(|field| field.need != Need::Optional);
    Node::object().with("required", is_required).with("content", content)
}

/// `LoginInput` of `login`.
fn input_name(operation: &Operation) -> String {
    let (first, rest) = operation.id.split_at(1);
    format!("{}{rest}Input", first.to_uppercase())
}

fn input(fields: &[Described]) -> Node {
    let properties: Node =
        fields.iter().map(|field| (field.name.clone(), schema::of_field(field, Dialect::Full))).collect();
    let named =
        |need| fields.iter().filter(move |field| field.need == need).map(|field| Node::from(field.name.as_str()));
    let required: Vec<Node> = named(Need::Required).collect();
    let either: Vec<Node> =
        named(Need::Either).map(|name| Node::object().with("required", Node::List(vec![name]))).collect();
    Node::object()
        .with("type", "object")
        .maybe("required", Some(Node::List(required.clone())).filter(|_| !required.is_empty()))
        .maybe("anyOf", Some(Node::List(either.clone())).filter(|_| !either.is_empty()))
        .with("properties", properties)
}

fn responses(endpoint: &Endpoint) -> Node {
    let operation = &endpoint.operation;
    let form = ErrorForm::of(endpoint.path);
    let success = match operation.answer {
        Some(shape) => response("The answer.", reference(shape().name)),
        None => Node::object().with("description", "Done. The answer has no body."),
    };
    let refused = refusals(operation, form).into_iter().map(|(status, codes)| {
        let text = codes.iter().map(|code| format!("`{code}`")).collect::<Vec<_>>().join(", ");
        let codes: Node = codes.into_iter().map(Node::from).collect();
        let of_code =
            Node::object().with("properties", Node::object().with("code", Node::object().with("enum", codes)));
        let schema = Node::object().with("allOf", Node::List(vec![reference(form.shape()), of_code]));
        (status.to_string(), with_retry_after(status, response(&text, schema)))
    });
    let responses: Node = [(operation.status.to_string(), success)].into_iter().chain(refused).collect();
    responses.with("default", Node::object().with("$ref", format!("#/components/responses/{}", answer_name(form))))
}

/// 429 and 503 say when another attempt may succeed.
fn with_retry_after(status: u16, response: Node) -> Node {
    let schema = Node::object().with("type", "integer").with("minimum", 1);
    let header = Node::object().with("description", "The time to wait, in seconds.").with("schema", schema);
    let headers = Node::object().with("Retry-After", header);
    response.maybe("headers", Some(headers).filter(|_| [429, 503].contains(&status)))
}

/// The forms of errors, with the names of their answers.
const FORMS: [(ErrorForm, &str); 3] =
    [(ErrorForm::Own, "Refused"), (ErrorForm::OAuth, "RefusedByOAuth"), (ErrorForm::Supabase, "RefusedBySupabase")];

fn answer_name(form: ErrorForm) -> &'static str {
    FORMS.iter().find(|(of, _)| *of == form).map_or("", |(_, name)| name)
}

fn response(text: &str, schema: Node) -> Node {
    let content = Node::object().with("application/json", Node::object().with("schema", schema));
    Node::object().with("description", text).with("content", content)
}

/// The codes of an operation by their status, as the form of its path tells them. A status that
/// the operation names has the codes of any request too.
pub fn refusals(operation: &Operation, form: ErrorForm) -> BTreeMap<u16, Vec<&'static str>> {
    let mut by_status: BTreeMap<u16, Vec<&'static str>> = BTreeMap::new();
    for (status, code) in operation.refusals.iter().copied().flatten().map(|refusal| form.refusal(*refusal)) {
        by_status.entry(status).or_default().push(code);
    }
    let any: Vec<Refusal> = ANY.iter().map(|refusal| form.refusal(*refusal)).collect();
    for (status, codes) in &mut by_status {
        codes.extend(any.iter().filter(|(of, _)| of == status).map(|(_, code)| *code));
        codes.sort_unstable();
        codes.dedup();
    }
    by_status
}

fn components(endpoints: &[Endpoint]) -> Node {
    let shapes = endpoints.iter().filter_map(|endpoint| Some((endpoint.operation.answer?)())).chain([
        Shape::of::<problem::Body>(),
        Shape::of::<OAuthError>(),
        Shape::of::<SupabaseError>(),
    ]);
    let mut schemas: BTreeMap<String, Node> = BTreeMap::new();
    for shape in shapes.flat_map(schema::components) {
        let written = schema::of_shape(&shape, Dialect::Full);
        let earlier = schemas.insert(shape.name.to_owned(), written.clone());
        assert!(earlier.is_none_or(|earlier| earlier == written), "two shapes have the name {}", shape.name);
    }
    for Endpoint { operation, .. } in endpoints {
        if let Some(describe) = operation.body {
            schemas.insert(input_name(operation), input(&describe()));
        }
    }
    let refused = FORMS.map(|(form, name)| (name.to_owned(), response("Any other refusal.", reference(form.shape()))));
    Node::object()
        .with("securitySchemes", Node::from_iter(security_schemes().map(|(name, scheme)| (name.to_owned(), scheme))))
        .with("schemas", Node::Object(schemas.into_iter().collect()))
        .with("responses", Node::from_iter(refused))
}
