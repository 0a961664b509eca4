//! `/openapi-3.0.json` and `/flutterflow.json`: OpenAPI 3.0.3 for importers, without references.
//!
//! FlutterFlow's importer makes variables of parameters and of security schemes, and none of a
//! body. A body becomes a literal made of the examples, in which `<name>` refers to a variable. So
//! the examples of `/flutterflow.json` are such names.

use shared::{
    http::{
        api::{
            Endpoint, Operation, Parameter,
            operation::{Identity, Place, Tag},
        },
        error_form::{ErrorForm, OAuthError, SupabaseError},
        fields::described::{Described, Kind},
        problem,
    },
    sample::Shape,
};

use super::{
    document::{info, named_parameter, paths, security_schemes, servers},
    node::Node,
    schema::{self, Dialect},
};

/// The readers of a flat document.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reader {
    /// Any importer of OpenAPI 3.0.
    Importer,
    /// FlutterFlow's importer.
    FlutterFlow,
}

/// Every operation that an importer can call.
pub fn openapi(endpoints: &[Endpoint]) -> Node {
    document(endpoints, Reader::Importer)
}

/// The operations for apps, with placeholders in their bodies.
pub fn flutterflow(endpoints: &[Endpoint]) -> Node {
    document(endpoints, Reader::FlutterFlow)
}

/// Whether an importer can call an endpoint and may. OpenAPI 3.0 has no meaning for the body of a
/// DELETE, and the client libraries of Supabase know their own calls. An importer keeps its keys in
/// an app, where no admin key belongs.
pub fn is_for_importers(endpoint: &Endpoint) -> bool {
    let needs_a_body_with_delete = endpoint.method == "DELETE" && endpoint.operation.body.is_some();
    let is_of_libraries = endpoint.operation.tag == Tag::Supabase;
    !needs_a_body_with_delete && !is_of_libraries && endpoint.operation.identity != Identity::AdminKey
}

fn document(endpoints: &[Endpoint], reader: Reader) -> Node {
    let is_wanted = |endpoint: &&Endpoint| {
        is_for_importers(endpoint) && (reader == Reader::Importer || endpoint.operation.is_for_clients)
    };
    let endpoints: Vec<Endpoint> = endpoints
        .iter()
        .filter(is_wanted)
        .map(|Endpoint { method, path, operation }| Endpoint { method, path, operation: operation.clone() })
        .collect();
    let is_named = |name: &str| name == "access_token" || (reader == Reader::Importer && name == "api_key");
    let schemes = security_schemes().into_iter().filter(|(name, _)| is_named(name));
    let schemes: Node = schemes.map(|(name, scheme)| (name.to_owned(), scheme)).collect();
    Node::object()
        .with("openapi", "3.0.3")
        .with("info", info())
        .with("servers", servers())
        .with("paths", paths(&endpoints, |endpoint| operation(endpoint, reader)))
        .with("components", Node::object().with("securitySchemes", schemes))
}

fn operation(endpoint: &Endpoint, reader: Reader) -> Node {
    let operation = &endpoint.operation;
    let parameters: Vec<Node> = operation
        .parameters
        .iter()
        .filter(|parameter| is_sent(endpoint, parameter, reader))
        .map(text_parameter)
        .collect();
    let scheme = match operation.identity {
        Identity::Bearer => Some("access_token"),
        Identity::ApiKey => Some("api_key"),
        Identity::Anybody | Identity::BearerOrField | Identity::AdminKey => None,
    };
    let security = scheme.map(|name| Node::List(vec![Node::object().with(name, Node::List(Vec::new()))]));
    Node::object()
        .with("operationId", operation.id)
        .with("summary", operation.summary)
        .maybe("security", security)
        .maybe("parameters", Some(Node::List(parameters.clone())).filter(|_| !parameters.is_empty()))
        .maybe("requestBody", operation.body.map(|describe| request_body(operation, &describe(), reader)))
        .with("responses", responses(endpoint, reader))
}

/// FlutterFlow puts the query of a POST nowhere, and sends headers that are empty.
fn is_sent(endpoint: &Endpoint, parameter: &Parameter, reader: Reader) -> bool {
    match parameter.place {
        Place::Path => true,
        Place::Query => ["GET", "DELETE"].contains(&endpoint.method),
        Place::Header => reader == Reader::Importer,
    }
}

/// Every parameter is a text, since FlutterFlow writes an empty number or truth value as nothing.
fn text_parameter(parameter: &Parameter) -> Node {
    named_parameter(parameter).with("schema", Node::object().with("type", "string")).with("example", parameter.example)
}

fn request_body(operation: &Operation, fields: &[Described], reader: Reader) -> Node {
    let is_known = |field: &&Described| operation.imported.is_none_or(|names| names.contains(&field.name.as_str()));
    let fields: Vec<&Described> = fields.iter().filter(is_known).collect();
    // OpenAPI 3.0 allows no empty list.
    let names = fields.iter().map(|field| Node::from(field.name.as_str()));
    let required = (!fields.is_empty()).then(|| names.collect::<Node>());
    let properties: Node = fields.iter().map(|field| (field.name.clone(), property(field, reader))).collect();
    let schema = Node::object().with("type", "object").maybe("required", required).with("properties", properties);
    let content = Node::object().with("application/json", Node::object().with("schema", schema));
    Node::object().with("required", true).with("content", content)
}

/// A placeholder fits no format, so that FlutterFlow's texts have none.
fn property(field: &Described, reader: Reader) -> Node {
    let is_text = !matches!(
        field.kind,
        Kind::Flag | Kind::Count(_) | Kind::Whole | Kind::Object | Kind::Metadata | Kind::Objects(_)
    );
    if reader == Reader::FlutterFlow && is_text {
        return Node::object().with("type", "string").with("example", format!("<{}>", field.name));
    }
    schema::of_field(field, Dialect::Flat)
}

fn responses(endpoint: &Endpoint, reader: Reader) -> Node {
    let operation = &endpoint.operation;
    let dialect = if reader == Reader::FlutterFlow { Dialect::Bare } else { Dialect::Flat };
    let answer = response("The answer.", &operation.answer.expect("an answer with a body")(), dialect);
    // FlutterFlow has no place for the shape of an error.
    let refused = match reader {
        Reader::Importer => response("A refusal.", &refusal(ErrorForm::of(endpoint.path)), dialect),
        Reader::FlutterFlow => Node::object().with("description", "A refusal."),
    };
    Node::object().with(operation.status.to_string(), answer).with("default", refused)
}

fn refusal(form: ErrorForm) -> Shape {
    match form {
        ErrorForm::Own => Shape::of::<problem::Body>(),
        ErrorForm::OAuth => Shape::of::<OAuthError>(),
        ErrorForm::Supabase => Shape::of::<SupabaseError>(),
    }
}

fn response(text: &str, shape: &Shape, dialect: Dialect) -> Node {
    let schema = schema::of_shape(shape, dialect);
    let content = Node::object().with("application/json", Node::object().with("schema", schema));
    Node::object().with("description", text).with("content", content)
}
