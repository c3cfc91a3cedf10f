//! The workspace as `cargo metadata` sees it.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// The packages of the workspace, and where cargo builds.
#[derive(Debug)]
pub(crate) struct Metadata {
    pub packages: Vec<Package>,
    pub target: PathBuf,
}

/// One package of the workspace.
#[derive(Debug)]
pub(crate) struct Package {
    pub name: String,
    /// In the order of the alphabet.
    pub features: Vec<String>,
    pub examples: Vec<Example>,
}

/// One example, and the features it asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Example {
    pub name: String,
    pub features: Vec<String>,
}

impl Metadata {
    /// Asks cargo about the workspace at `root`.
    pub(crate) fn load(root: &Path) -> Result<Self, String> {
        let out = Command::new("cargo")
            .args(["metadata", "--no-deps", "--format-version", "1"])
            .current_dir(root)
            .output()
            .map_err(|e| format!("`cargo metadata` did not start: {e}"))?;
        if !out.status.success() {
            let said = String::from_utf8_lossy(&out.stderr);
            return Err(format!("`cargo metadata` failed: {}", said.trim()));
        }
        let json = serde_json::from_slice(&out.stdout)
            .map_err(|e| format!("`cargo metadata` printed no JSON: {e}"))?;
        Ok(Self::of(&json))
    }

    fn of(json: &Value) -> Self {
        Self {
            packages: items(&json["packages"]).map(package).collect(),
            target: PathBuf::from(text(&json["target_directory"])),
        }
    }
}

fn package(json: &Value) -> Package {
    let is_example = |target: &&Value| items(&target["kind"]).any(|kind| kind == "example");
    let features = json["features"].as_object();
    Package {
        name: text(&json["name"]),
        features: features.map(|map| map.keys().cloned().collect()).unwrap_or_default(),
        examples: items(&json["targets"])
            .filter(is_example)
            .map(|target| Example {
                name: text(&target["name"]),
                features: items(&target["required-features"]).map(text).collect(),
            })
            .collect(),
    }
}

fn items(json: &Value) -> impl Iterator<Item = &Value> {
    json.as_array().into_iter().flatten()
}

fn text(json: &Value) -> String {
    json.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_and_examples_are_found() {
        let json = r#"{"target_directory": "here", "packages": [{"name": "a",
            "features": {"default": ["x"], "x": []},
            "targets": [{"name": "a", "kind": ["lib"]},
                {"name": "b", "kind": ["example"], "required-features": ["x"]}]}]}"#;
        let metadata = Metadata::of(&serde_json::from_str(json).unwrap());
        assert_eq!(metadata.target, Path::new("here"));
        assert_eq!(metadata.packages[0].features, ["default", "x"]);
        let example = Example { name: "b".to_owned(), features: vec!["x".to_owned()] };
        assert_eq!(metadata.packages[0].examples, [example]);
    }
}
