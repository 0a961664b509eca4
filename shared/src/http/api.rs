//! The endpoints of a function, each with its description.
//!
//! A route is registered together with its [`Operation`], so that none is without. The documents
//! `/openapi.json`, `/openapi-3.0.json` and `/flutterflow.json` are made from the operations of all
//! functions.

pub mod operation;
pub mod refusals;

use axum::{
    Router,
    handler::Handler,
    routing::{MethodFilter, on},
};

use crate::App;

pub use operation::{Operation, Parameter};

/// The routes of a function, with the operations that describe them.
#[derive(Default)]
pub struct Api {
    router: Router<App>,
    endpoints: Vec<Endpoint>,
    pages: Vec<&'static str>,
}

/// A method of a path.
pub struct Endpoint {
    /// The method, in capitals.
    pub method: &'static str,
    /// The path, as its router writes it.
    pub path: &'static str,
    /// The description.
    pub operation: Operation,
}

impl Api {
    /// No routes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a GET, which answers a HEAD too.
    pub fn get<T: 'static>(self, path: &'static str, handler: impl Handler<T, App>, operation: Operation) -> Self {
        self.route(MethodFilter::GET, "GET", path, handler, operation)
    }

    /// Adds a POST.
    pub fn post<T: 'static>(self, path: &'static str, handler: impl Handler<T, App>, operation: Operation) -> Self {
        self.route(MethodFilter::POST, "POST", path, handler, operation)
    }

    /// Adds a PUT.
    pub fn put<T: 'static>(self, path: &'static str, handler: impl Handler<T, App>, operation: Operation) -> Self {
        self.route(MethodFilter::PUT, "PUT", path, handler, operation)
    }

    /// Adds a PATCH.
    pub fn patch<T: 'static>(self, path: &'static str, handler: impl Handler<T, App>, operation: Operation) -> Self {
        self.route(MethodFilter::PATCH, "PATCH", path, handler, operation)
    }

    /// Adds a DELETE.
    pub fn delete<T: 'static>(self, path: &'static str, handler: impl Handler<T, App>, operation: Operation) -> Self {
        self.route(MethodFilter::DELETE, "DELETE", path, handler, operation)
    }

    /// Adds a GET of a document for people or importers. It is no operation of the API.
    pub fn page<T: 'static>(mut self, path: &'static str, handler: impl Handler<T, App>) -> Self {
        self.router = self.router.route(path, on(MethodFilter::GET, handler));
        self.pages.push(path);
        self
    }

    /// Adds the routes of another part.
    pub fn merge(mut self, other: Self) -> Self {
        self.router = self.router.merge(other.router);
        self.endpoints.extend(other.endpoints);
        self.pages.extend(other.pages);
        self
    }

    /// The routes alone.
    pub fn router(self) -> Router<App> {
        self.router
    }

    /// The endpoints, in the order in which they were added.
    pub fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }

    /// The paths of the pages.
    pub fn pages(&self) -> &[&'static str] {
        &self.pages
    }

    fn route<T: 'static>(
        mut self,
        filter: MethodFilter,
        method: &'static str,
        path: &'static str,
        handler: impl Handler<T, App>,
        operation: Operation,
    ) -> Self {
        self.router = self.router.route(path, on(filter, handler));
        self.endpoints.push(Endpoint { method, path, operation });
        self
    }
}
