//! An explanation in words.

use std::fmt::Write;

use super::{Explained, Member};

/// The explanation as people read it: who gets the call, what was thought of each member, and what
/// follows if that fails.
pub(super) fn of(it: &Explained) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = write(it, &mut text);
    text
}

fn write(it: &Explained, to: &mut String) -> std::fmt::Result {
    match &it.pick {
        Some(pick) => writeln!(to, "The group `{}` sends this call to `{pick}`.\n", it.group)?,
        None => writeln!(to, "No member of the group `{}` takes this call now.\n", it.group)?,
    }
    let heads = ["member", "verdict", "score", "why"].map(str::to_owned);
    let rows: Vec<[String; 4]> = std::iter::once(heads).chain(it.members.iter().map(row)).collect();
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
    };
    let [a, b, c] = [0, 1, 2].map(|column| width(column).unwrap_or_default());
    for [member, verdict, score, why] in &rows {
        let line = format!("  {member:<a$}  {verdict:<b$}  {score:>c$}  {why}");
        writeln!(to, "{}", line.trim_end())?;
    }
    let estimate = &it.estimate;
    let cost = match &estimate.usd {
        Some(usd) => format!("${}", usd.get()),
        None => "a cost that is not known".to_owned(),
    };
    writeln!(
        to,
        "\nIt is estimated at {} tokens of prompt, {} of answer and {cost}.",
        estimate.input, estimate.output
    )?;
    if it.fallbacks.is_empty() {
        writeln!(to, "If every member fails, so does the call: there is no fallback.")?;
    } else {
        let names: Vec<String> = it.fallbacks.iter().map(|name| format!("`{name}`")).collect();
        writeln!(to, "If every member fails, it goes on to {}.", names.join(", then "))?;
    }
    writeln!(to, "Its chance: seed {}, ticket {}.", it.seed, it.ticket)
}

fn row(of: &Member) -> [String; 4] {
    let verdict = match of.verdict {
        "taken" => "gets it",
        "other_tier" => "other tier",
        other => other,
    };
    let score = of.score.map(|score| format!("{score:.4}")).unwrap_or_default();
    let until = of.until.as_ref().map(|until| format!("until {until}"));
    let why = [of.reason.clone(), until].into_iter().flatten().collect::<Vec<_>>().join(", ");
    [of.id.clone(), verdict.to_owned(), score, why]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explain::Estimate;

    fn member(id: &str, verdict: &'static str, score: Option<f64>, why: Option<&str>) -> Member {
        Member {
            id: id.to_owned(),
            verdict,
            reason: why.map(str::to_owned),
            until: why.map(|_| "2026-11-25T12:00:00Z".to_owned()),
            score,
        }
    }

    #[test]
    fn an_explanation_reads_well() {
        let explained = Explained {
            group: "chat".to_owned(),
            fallbacks: vec!["backup".to_owned(), "last".to_owned()],
            members: vec![
                member("east", "taken", Some(0.75), None),
                member("a-long-name", "refused", None, Some("2 of 2 rpm used")),
            ],
            pick: Some("east".to_owned()),
            seed: 7,
            ticket: 0,
            estimate: Estimate { input: 12, output: 100, usd: None },
        };
        let expected = "The group `chat` sends this call to `east`.\n\n  \
            member       verdict   score  why\n  \
            east         gets it  0.7500\n  \
            a-long-name  refused          2 of 2 rpm used, until 2026-11-25T12:00:00Z\n\n\
            It is estimated at 12 tokens of prompt, 100 of answer and a cost that is not known.\n\
            If every member fails, it goes on to `backup`, then `last`.\n\
            Its chance: seed 7, ticket 0.\n";
        assert_eq!(of(&explained), expected);
        let none = Explained { pick: None, fallbacks: Vec::new(), ..explained };
        let text = of(&none);
        assert!(text.starts_with("No member of the group `chat` takes this call now."), "{text}");
        assert!(text.contains("there is no fallback"), "{text}");
    }
}
