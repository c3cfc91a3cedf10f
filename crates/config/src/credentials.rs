//! `credential_list`: credentials that several deployments name.

use std::collections::BTreeMap;

use crate::{
    Grade, Place, keys,
    read::{Fields, Reading, short},
};

/// The credentials of a file, by name.
#[derive(Default)]
pub(crate) struct Credentials<'t> {
    by_name: BTreeMap<String, Credential<'t>>,
}

struct Credential<'t> {
    at: Place,
    values: Fields<'t>,
    used: bool,
}

impl<'t> Credentials<'t> {
    /// Reads the list.
    pub(crate) fn read(reading: &mut Reading<'_>, top: &Fields<'t>) -> Self {
        let mut read = Self::default();
        reading.take(top, "credential_list", |reading, field| {
            for item in reading.list(field, "credentials")? {
                read.entry(reading, item.node);
            }
            Some(())
        });
        read
    }

    fn entry(&mut self, reading: &mut Reading<'_>, node: &'t crate::tree::Node) {
        let Some(fields) = reading.fields(node, "credential_list.", &keys::CREDENTIAL) else {
            return;
        };
        let name = reading.take(&fields, "credential_name", Reading::text);
        if fields.get("credential_name").is_none() {
            reading.error(node.at, "credential_list.credential_name is missing");
        }
        let values = reading.take(&fields, "credential_values", |reading, field| {
            reading.fields(field.node, "credential_list.credential_values.", &keys::PARAMS)
        });
        let Some(name) = name else { return };
        if let Some(first) = self.by_name.get(&name.text) {
            let (shown, first, here) = (name.shown(), first.at.line, name.at.line);
            let message = format!(
                "credential_list.credential_name: {shown} is used on line {first} and on line {here}"
            );
            reading.error(name.at, message);
            return;
        }
        let values = values.unwrap_or_default();
        self.by_name.insert(name.text, Credential { at: name.at, values, used: false });
    }

    /// Gives a `litellm_params` what the credential that it names has and it has not.
    pub(crate) fn fill(&mut self, reading: &mut Reading<'_>, params: &mut Fields<'t>) {
        let name = reading.take(params, "litellm_credential_name", |reading, field| {
            let name = reading.text(field)?;
            if !self.by_name.contains_key(&name.text) {
                let near = reading.near(&name.text, self.by_name.keys().map(String::as_str));
                let (field, shown) = (field.name(), name.shown());
                reading.error(name.at, format!("{field}: {shown} names no credential{near}"));
                return None;
            }
            Some(name.text)
        });
        let Some(credential) = name.and_then(|name| self.by_name.get_mut(&name)) else { return };
        credential.used = true;
        params.fill(&credential.values);
    }

    /// Notes the credentials that no deployment names.
    pub(crate) fn unused(&self, reading: &mut Reading<'_>) {
        for (name, _) in self.by_name.iter().filter(|(_, one)| !one.used) {
            let at = self.by_name[name].at;
            let message = format!("credential_list: no deployment names {}", short(name));
            reading.note(at, Grade::Ignored, message);
        }
    }
}
