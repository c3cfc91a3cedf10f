//! Whatever the text is: reading ends, and says either a spec or an error.

use pointsman_config::{Grade, load};
use proptest::prelude::*;

const REAL: &str = include_str!("litellm.yaml");

fn judge(text: &str) {
    let loaded = load(text, &|name| (name.len() % 2 == 0).then(|| name.to_owned()));
    let faulty = loaded.findings.iter().any(|one| one.grade == Grade::Error);
    assert_eq!(loaded.spec.is_none(), faulty, "{text}");
    // A lone carriage return ends a line of YAML, too.
    let breaks = text.matches(['\n', '\r']).count();
    for one in &loaded.findings {
        assert!(one.at.line >= 1 && one.at.column >= 1, "{one:?}");
        assert!(one.at.line <= breaks + 1, "{one:?}");
        assert!(!one.message.contains('\n') && one.message.len() < 3000, "{one:?}");
    }
    assert!(loaded.findings.is_sorted());
}

/// A piece of YAML's own grammar, or a word of the configuration.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "\n",
            " ",
            "  ",
            "\t",
            "- ",
            ": ",
            "? ",
            "[",
            "]",
            "{",
            "}",
            ",",
            "&a ",
            "*a",
            "<<: ",
            "|\n",
            ">-\n",
            "'",
            "\"",
            "#",
            "---\n",
            "...\n",
            "!!str ",
            "!x ",
            "%",
            "\u{feff}",
            "\r",
            "os.environ/",
            "null",
            "~",
            "true",
            "1e999",
            "-0",
            ".5",
            "0.9",
            "99999999999999999999",
        ])
        .prop_map(str::to_owned),
        prop::sample::select(REAL.split_whitespace().collect::<Vec<_>>()).prop_map(str::to_owned),
        any::<char>().prop_map(String::from),
    ]
}

proptest! {
    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        judge(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn any_pieces(pieces in prop::collection::vec(piece(), 0..120)) {
        judge(&pieces.concat());
    }

    #[test]
    fn a_real_file_with_a_part_replaced(at in 0..REAL.len(), cut in 0..80_usize, put in piece()) {
        let end = (at + cut).min(REAL.len());
        let mut text = REAL[..at].to_owned();
        text.push_str(&put);
        text.push_str(&REAL[end..]);
        judge(&text);
    }

    #[test]
    fn a_real_file_with_lines_moved(from in 0..130_usize, to in 0..130_usize, indent in 0..5_usize) {
        let mut lines: Vec<String> = REAL.lines().map(str::to_owned).collect();
        let line = lines.remove(from % lines.len());
        lines.insert(to % lines.len(), format!("{}{}", " ".repeat(indent), line.trim_start()));
        judge(&lines.join("\n"));
    }
}
