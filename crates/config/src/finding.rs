//! What a check of a configuration says, and where.

use std::{collections::HashMap, fmt};

/// How a key of the configuration is treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Grade {
    /// The configuration cannot be used as it stands.
    Error,
    /// Served, as LiteLLM has it.
    Exact,
    /// Served, with the difference that the message names.
    Approximate,
    /// Known and not served; the message says what happens instead.
    Ignored,
}

impl fmt::Display for Grade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Exact => "exact",
            Self::Approximate => "approximate",
            Self::Ignored => "ignored",
        })
    }
}

/// A place in the text: line and column, both counted from 1, the column in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1.
    pub column: usize,
}

/// One finding about one place. It never contains the value of a secret.
///
/// The order is that of the text, at one place errors first.
///
/// ```
/// use pointsman_config::{Finding, Grade, Place};
/// let at = Place { line: 3, column: 5 };
/// let one = Finding::new(at, Grade::Exact, "router_settings.num_retries");
/// assert_eq!(one.render("a.yaml").to_string(), "a.yaml:3:5: exact: router_settings.num_retries");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Where.
    pub at: Place,
    /// How grave.
    pub grade: Grade,
    /// What, in one line.
    pub message: String,
}

/// The same findings, what is said at many places once: errors stay as they are.
///
/// ```
/// use pointsman_config::{Finding, Grade, Place, folded};
/// let at = |line| Finding::new(Place { line, column: 5 }, Grade::Exact, "model_name");
/// let once = folded(&[at(2), at(7), at(9)]);
/// assert_eq!(once.len(), 1);
/// assert_eq!(once[0].render("a").to_string(), "a:2:5: exact: model_name (lines 7 and 9, too)");
/// ```
pub fn folded(findings: &[Finding]) -> Vec<Finding> {
    let mut first: HashMap<(Grade, &str), usize> = HashMap::new();
    let mut kept: Vec<(&Finding, Vec<usize>)> = Vec::new();
    for finding in findings {
        let key = (finding.grade, finding.message.as_str());
        match first.get(&key) {
            Some(&at) if finding.grade != Grade::Error => kept[at].1.push(finding.at.line),
            _ => {
                first.insert(key, kept.len());
                kept.push((finding, Vec::new()));
            }
        }
    }
    kept.into_iter().map(|(finding, lines)| finding.also(&lines)).collect()
}

impl Finding {
    /// The finding, which holds for these lines, too.
    fn also(&self, lines: &[usize]) -> Self {
        const SHOWN: usize = 3;
        let list =
            |lines: &[usize]| lines.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
        let behind = match lines {
            [] => return self.clone(),
            [line] => format!("line {line}, too"),
            lines if lines.len() > SHOWN + 1 => {
                let (shown, rest) = lines.split_at(SHOWN);
                format!("lines {} and {} more, too", list(shown), rest.len())
            }
            lines => {
                let (shown, end) = lines.split_at(lines.len() - 1);
                format!("lines {} and {}, too", list(shown), list(end))
            }
        };
        Self { message: format!("{} ({behind})", self.message), ..self.clone() }
    }

    /// A finding at a place. Line breaks and other control characters in the message are escaped,
    /// so a finding is always one line.
    pub fn new(at: Place, grade: Grade, message: impl Into<String>) -> Self {
        let message: String = message.into();
        let message = if message.contains(char::is_control) {
            message.chars().fold(String::new(), |mut line, c| {
                if c.is_control() {
                    line.extend(c.escape_default());
                } else {
                    line.push(c);
                }
                line
            })
        } else {
            message
        };
        Self { at, grade, message }
    }

    /// The finding as `FILE:LINE:COL: grade: message`.
    pub fn render<'a>(&'a self, file: &'a str) -> impl fmt::Display + 'a {
        fmt::from_fn(move |f| {
            let Place { line, column } = self.at;
            write!(f, "{file}:{line}:{column}: {}: {}", self.grade, self.message)
        })
    }
}
