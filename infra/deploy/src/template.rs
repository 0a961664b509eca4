//! The parts of a template that are read before CloudFormation reads it: the parameters, and the
//! resources that outlive their stack.

use std::collections::BTreeMap;

use saphyr::{LoadableYamlNode, Scalar, Yaml};

/// A parameter of the template.
#[derive(Clone, Debug, Default)]
pub struct Declared {
    /// The value without a choice. Nothing if the parameter must be chosen.
    pub default: Option<String>,
    /// The values that are allowed. Empty if every value is.
    pub allowed: Vec<String>,
}

/// The parameters, and the names of the resources that stay when their stack is deleted.
#[derive(Debug, Default)]
pub struct Template {
    /// The parameters by name.
    pub parameters: BTreeMap<String, Declared>,
    /// The logical ids of the resources that stay.
    pub kept: Vec<String>,
}

impl Template {
    /// Reads a template in YAML or JSON.
    ///
    /// # Errors
    ///
    /// A sentence: the text is no YAML.
    pub fn read(text: &str) -> Result<Self, String> {
        let documents = Yaml::load_from_str(text).map_err(|error| format!("The template cannot be read: {error}."))?;
        let document = documents.first();
        let part = |name: &str| document.and_then(|document| document.as_mapping_get(name)).and_then(Yaml::as_mapping);
        let parameters = part("Parameters").into_iter().flatten().filter_map(|(name, declaration)| {
            let default = declaration.as_mapping_get("Default").map(scalar);
            let allowed = declaration.as_mapping_get("AllowedValues").and_then(Yaml::as_vec);
            let allowed = allowed.into_iter().flatten().map(scalar).collect();
            Some((name.as_str()?.to_owned(), Declared { default, allowed }))
        });
        let kept = part("Resources").into_iter().flatten().filter_map(|(name, resource)| {
            let policy = resource.as_mapping_get("DeletionPolicy")?.as_str()?;
            policy.starts_with("Retain").then_some(name.as_str()?.to_owned())
        });
        Ok(Self { parameters: parameters.collect(), kept: kept.collect() })
    }
}

/// A scalar as CloudFormation reads it: every parameter is a text there.
fn scalar(yaml: &Yaml<'_>) -> String {
    match yaml {
        Yaml::Value(Scalar::String(text)) => text.clone().into_owned(),
        Yaml::Value(Scalar::Integer(number)) => number.to_string(),
        Yaml::Value(Scalar::Boolean(is)) => is.to_string(),
        Yaml::Value(Scalar::FloatingPoint(number)) => number.to_string(),
        _ => String::new(),
    }
}
