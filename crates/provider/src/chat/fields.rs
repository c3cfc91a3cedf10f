//! Reads a JSON object member by member; what is left over is kept.

use serde_json::{Map, Value};

use crate::BodyFault;

/// The members of an object that have not been read yet, and where it stands in the body.
///
/// Null counts as absent. Faults name the member by its path: `messages[2].content`.
#[derive(Debug)]
pub struct Fields {
    members: Map<String, Value>,
    at: String,
}

impl Fields {
    /// The members of the body itself.
    pub fn top(members: Map<String, Value>) -> Self {
        Self { members, at: String::new() }
    }

    /// The members of an object at a path.
    ///
    /// # Errors
    ///
    /// When the value is no object.
    pub fn at(value: Value, at: String) -> Result<Self, BodyFault> {
        match value {
            Value::Object(members) => Ok(Self { members, at }),
            other => Err(wrong(&at, "an object", &other)),
        }
    }

    /// The path of a member.
    pub fn path(&self, name: &str) -> String {
        if self.at.is_empty() { name.to_owned() } else { format!("{}.{name}", self.at) }
    }

    /// A fault of a member.
    pub fn fault(&self, name: &str, what: &str) -> BodyFault {
        let path = self.path(name);
        BodyFault::of(&path, format!("`{path}` {what}"))
    }

    /// A member, whatever it is.
    pub fn value(&mut self, name: &str) -> Option<Value> {
        self.members.shift_remove(name).filter(|value| !value.is_null())
    }

    /// A member that stays where it is.
    pub fn peek(&self, name: &str) -> Option<&Value> {
        self.members.get(name).filter(|value| !value.is_null())
    }

    /// A member that is text.
    ///
    /// # Errors
    ///
    /// When it is something else.
    pub fn text(&mut self, name: &str) -> Result<Option<String>, BodyFault> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(wrong(&self.path(name), "a string", &other)),
        }
    }

    /// A member that is text and must be there.
    ///
    /// # Errors
    ///
    /// When it is absent or something else.
    pub fn needed(&mut self, name: &str) -> Result<String, BodyFault> {
        self.text(name)?.ok_or_else(|| self.fault(name, "is missing"))
    }

    /// A member that is a whole number, 0 or more.
    ///
    /// # Errors
    ///
    /// When it is something else.
    pub fn whole(&mut self, name: &str) -> Result<Option<u64>, BodyFault> {
        self.of(name, "a whole number, 0 or more", Value::as_u64)
    }

    /// A member that is a whole number.
    ///
    /// # Errors
    ///
    /// When it is something else.
    pub fn integer(&mut self, name: &str) -> Result<Option<i64>, BodyFault> {
        self.of(name, "a whole number", Value::as_i64)
    }

    /// A member that is a number.
    ///
    /// # Errors
    ///
    /// When it is something else.
    pub fn number(&mut self, name: &str) -> Result<Option<f64>, BodyFault> {
        self.of(name, "a number", Value::as_f64)
    }

    /// A member that is true or false.
    ///
    /// # Errors
    ///
    /// When it is something else.
    pub fn flag(&mut self, name: &str) -> Result<Option<bool>, BodyFault> {
        self.of(name, "a boolean", Value::as_bool)
    }

    /// A member that is a list; empty if it is absent.
    ///
    /// # Errors
    ///
    /// When it is something else.
    pub fn list(&mut self, name: &str) -> Result<Vec<Value>, BodyFault> {
        match self.value(name) {
            None => Ok(Vec::new()),
            Some(Value::Array(list)) => Ok(list),
            Some(other) => Err(wrong(&self.path(name), "an array", &other)),
        }
    }

    /// A member that is text or a list of texts.
    ///
    /// # Errors
    ///
    /// When it is something else.
    pub fn texts(&mut self, name: &str) -> Result<Vec<String>, BodyFault> {
        let path = self.path(name);
        let list = match self.value(name) {
            None => return Ok(Vec::new()),
            Some(Value::String(text)) => return Ok(vec![text]),
            Some(Value::Array(list)) => list,
            Some(other) => return Err(wrong(&path, "a string or an array of strings", &other)),
        };
        let text = |value| match value {
            Value::String(text) => Ok(text),
            other => Err(wrong(&path, "a string or an array of strings", &other)),
        };
        list.into_iter().map(text).collect()
    }

    /// A member that is an object.
    ///
    /// # Errors
    ///
    /// When it is something else.
    pub fn object(&mut self, name: &str) -> Result<Option<Self>, BodyFault> {
        let at = self.path(name);
        self.value(name).map(|value| Self::at(value, at)).transpose()
    }

    /// What has not been read, without nulls.
    pub fn rest(self) -> Map<String, Value> {
        self.members.into_iter().filter(|(_, value)| !value.is_null()).collect()
    }

    fn of<T>(
        &mut self,
        name: &str,
        want: &str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<Option<T>, BodyFault> {
        let Some(value) = self.value(name) else { return Ok(None) };
        read(&value).map(Some).ok_or_else(|| wrong(&self.path(name), want, &value))
    }
}

/// The value is not what is wanted there.
pub(crate) fn wrong(path: &str, want: &str, found: &Value) -> BodyFault {
    let found = match found {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "this number",
        Value::String(_) => "this string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    BodyFault::of(path, format!("`{path}` must be {want}, not {found}"))
}
