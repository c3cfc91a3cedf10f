//! Models by vendor and name.

use std::{collections::HashMap, sync::LazyLock};

use crate::{ModelFacts, Problem, ReadError, litellm, names, table};

/// What is known of many models, to be looked up by vendor and model.
///
/// ```
/// use pointsman_prices::Book;
///
/// let text = r#"{"gpt-9": {"litellm_provider": "openai", "mode": "chat",
///     "input_cost_per_token": 2.5e-06, "output_cost_per_token": 1e-05,
///     "max_input_tokens": 128000, "supports_vision": true}}"#;
/// let (book, problems) = Book::from_litellm_json(text)?;
/// assert!(problems.is_empty());
///
/// let facts = book.lookup("openai", "gpt-9-2031-05-01").unwrap();
/// assert_eq!(facts.max_input_tokens, Some(128_000));
/// assert_eq!(facts.price().unwrap().estimate(1_000, 500).to_string(), "0.0075");
/// assert!(book.lookup("azure", "gpt-9").is_none());
/// # Ok::<(), pointsman_prices::ReadError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Book {
    /// The day for which it holds, as it was told: `2026-11-22`; empty when it was not.
    pub(crate) date: String,
    /// By `vendor/name` in lower case; a model of no vendor begins with the slash.
    pub(crate) models: HashMap<String, ModelFacts>,
}

static SHIPPED: LazyLock<Book> =
    LazyLock::new(|| table::read(include_str!("../data/models.tsv")).unwrap_or_default());

impl Book {
    /// The book that is shipped, of the vendors that are served; read at the first call.
    ///
    /// ```
    /// use pointsman_prices::Book;
    /// let facts = Book::shipped().lookup("openai", "gpt-4o").unwrap();
    /// assert!(facts.price().is_some());
    /// ```
    pub fn shipped() -> &'static Self {
        &SHIPPED
    }

    /// Reads a file in LiteLLM's format: an object of models, each an object of facts. Numbers are
    /// read from their text, never through a float, to 18 digits behind the point.
    ///
    /// What is no fact of use here is passed over. A fact that cannot be read is left out, as if
    /// it were not known, and told as a [`Problem`].
    ///
    /// # Errors
    /// The text is no JSON, or no object.
    pub fn from_litellm_json(text: &str) -> Result<(Self, Vec<Problem>), ReadError> {
        litellm::read(text)
    }

    /// Reads a book that [`to_table`](Self::to_table) wrote.
    ///
    /// # Errors
    /// The first line that cannot be read.
    pub fn from_table(text: &str) -> Result<Self, ReadError> {
        table::read(text)
    }

    /// Writes it as text, one line for all models of a vendor of which the same is known.
    pub fn to_table(&self) -> String {
        table::write(self)
    }

    /// The day for which its facts hold, such as `2026-11-22`; empty when it was not told.
    pub fn date(&self) -> &str {
        &self.date
    }

    /// The same book as of another day.
    #[must_use]
    pub fn dated(mut self, date: impl Into<String>) -> Self {
        self.date = date.into();
        self
    }

    /// How many models it knows.
    pub fn len(&self) -> usize {
        self.models.len()
    }

    /// Whether it knows none.
    pub fn is_empty(&self) -> bool {
        self.models.is_empty()
    }

    /// Every vendor, model and what is known of it, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, &ModelFacts)> {
        self.models.iter().map(|(key, facts)| {
            let (vendor, name) = key.split_once('/').unwrap_or(("", key));
            (vendor, name, facts)
        })
    }

    /// Keeps the models for which `keep` says so.
    pub fn retain(&mut self, mut keep: impl FnMut(&str, &str, &ModelFacts) -> bool) {
        self.models.retain(|key, facts| {
            let (vendor, name) = key.split_once('/').unwrap_or(("", key));
            keep(vendor, name, facts)
        });
    }

    /// What is known of a vendor's model; letter case is no matter.
    ///
    /// It is looked for under these names, the first that is known counts:
    ///
    /// 1. the model as it stands, with or without the vendor before it (`openai/gpt-4o`);
    /// 2. of Bedrock without the interface (`converse/`), then without the region's name or the
    ///    ARN before the id, then without the region in it (`us.`, `eu.`, `global.`…): where a
    ///    region has prices of its own they are found first;
    /// 3. of Fireworks with and without `accounts/fireworks/models/`;
    /// 4. each of these without the version at its end: `-2024-08-06`, `-20240806`, `@20240806`,
    ///    on Gemini, Vertex and Databricks any number (`-001`); a fine-tuned model
    ///    (`ft:gpt-4o:team::id`) by its base;
    /// 5. all of that again, of `azure_ai`, in Azure's and then in OpenAI's list;
    /// 6. a model of the file that names no vendor.
    ///
    /// An Azure deployment has a name of its own: look for its base model.
    pub fn lookup(&self, vendor: &str, model: &str) -> Option<&ModelFacts> {
        let lower = vendor.to_ascii_lowercase();
        let vendor = names::vendor(&lower);
        // A model without a vendor may have the vendor in its name.
        let unowned = format!("/{vendor}");
        let lists: &[&str] = match vendor {
            "azure_ai" => &["azure_ai", "azure", "openai", &unowned, ""],
            _ => &[vendor, &unowned, ""],
        };
        let names = names::spellings(vendor, model);
        let known =
            |list: &&str| names.iter().find_map(|name| self.models.get(&format!("{list}/{name}")));
        lists.iter().find_map(known)
    }
}
