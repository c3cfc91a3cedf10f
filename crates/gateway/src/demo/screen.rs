//! What the demo prints: a table that is drawn over itself for people, lines for anything else.

use std::{
    io::{self, Write},
    net::SocketAddr,
    time::Duration,
};

use super::{
    looks::{Event, Look, Row, Standing},
    upstreams::BROKEN,
};

/// How many events the table shows below it.
const EVENTS: usize = 8;
/// The width of the bar of recent calls, in characters.
const BAR: u64 = 20;
/// How many plain lines of standings there are.
const LINES: u32 = 15;

/// How to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    Live { colours: bool },
}

/// Where it is printed.
pub(super) struct Screen<W> {
    style: Style,
    to: W,
    lasts: Duration,
    events: Vec<String>,
    /// Lines of the table that is drawn at present.
    drawn: usize,
    /// When the next plain line is due.
    due: Duration,
}

impl<W: Write> Screen<W> {
    pub(super) fn new(style: Style, to: W, lasts: Duration) -> Self {
        Self { style, to, lasts, events: Vec::new(), drawn: 0, due: Duration::ZERO }
    }

    /// Says what is going to be seen.
    pub(super) fn begin(&mut self, gateway: SocketAddr, config: &str) -> io::Result<()> {
        writeln!(
            self.to,
            "Three upstreams, one gateway on http://{gateway}, six clients.\n{BROKEN} will break and \
             recover; nobody tells the gateway. It runs on this:\n"
        )?;
        for line in config.lines() {
            writeln!(self.to, "  {line}")?;
        }
        writeln!(self.to)
    }

    /// Shows how things are.
    pub(super) fn show(&mut self, look: &Look, events: &[Event]) -> io::Result<()> {
        let lines = events.iter().map(|event| format!("{}  {}", seconds(event.at), event.told));
        self.events.extend(lines);
        match self.style {
            Style::Live { colours } => self.draw(look, colours),
            Style::Plain => self.tell(look),
        }
    }

    fn tell(&mut self, look: &Look) -> io::Result<()> {
        for event in self.events.drain(..) {
            writeln!(self.to, "{event}")?;
        }
        if look.at >= self.due {
            self.due += self.lasts / LINES;
            writeln!(self.to, "{}", line(look))?;
        }
        self.to.flush()
    }

    fn draw(&mut self, look: &Look, colours: bool) -> io::Result<()> {
        let mut lines = table(look, self.lasts, colours);
        let from = self.events.len().saturating_sub(EVENTS);
        lines.extend(self.events[from..].iter().cloned());
        if self.drawn > 0 {
            write!(self.to, "\x1b[{}A", self.drawn)?;
        }
        for line in &lines {
            writeln!(self.to, "\r{line}\x1b[K")?;
        }
        self.drawn = lines.len();
        self.to.flush()
    }

    /// The last look, and what it all came to.
    pub(super) fn end(&mut self, look: &Look, failed: u64, broken: Duration) -> io::Result<()> {
        self.due = Duration::ZERO;
        self.show(look, &[])?;
        let sums = look.sums;
        let unanswered = match sums.sent - sums.answered {
            0 => "every one was answered".to_owned(),
            n => format!("{n} were not answered"),
        };
        writeln!(
            self.to,
            "\n{} calls in {:.0} s: {unanswered}, {} at a second attempt.",
            sums.sent,
            look.at.as_secs_f32(),
            sums.retried,
        )?;
        if !broken.is_zero() {
            writeln!(
                self.to,
                "{BROKEN} was broken for {:.1} s. It was asked {failed} times while it was: until the \
                 gateway\nlet it be, and one probe after each cooldown.",
                broken.as_secs_f32(),
            )?;
        }
        writeln!(
            self.to,
            "\nYour own: pointsman serve --config config.yaml; see `pointsman serve --help`."
        )
    }
}

fn seconds(at: Duration) -> String {
    format!("{:>6.1} s", at.as_secs_f32())
}

/// Everything in one line.
fn line(look: &Look) -> String {
    let one = |row: &Row| {
        let answers = if row.broken { " (broken)" } else { "" };
        format!("{}{answers} {}, {} calls", row.name, said(row.standing), row.asked)
    };
    let [a, b, c] = look.rows.each_ref().map(one);
    format!("{}  {a}; {b}; {c}", seconds(look.at))
}

/// The table's lines, none longer than 80 characters.
fn table(look: &Look, lasts: Duration, colours: bool) -> Vec<String> {
    let sums = look.sums;
    let most = look.rows.iter().map(|row| row.recent).max().unwrap_or(0).max(1);
    let mut lines = vec![
        format!(
            "{} of {:.0}    calls {}   answered {}   at a second attempt {}",
            seconds(look.at),
            lasts.as_secs_f32(),
            sums.sent,
            sums.answered,
            sums.retried,
        ),
        String::new(),
        "  upstream  answers  to the gateway it is    calls  last 3 s".to_owned(),
    ];
    for row in &look.rows {
        let answers = if row.broken { "500" } else { "200" };
        let answers = paint(&format!("{answers:<7}"), if row.broken { RED } else { "" }, colours);
        let said = paint(&format!("{:<22}", said(row.standing)), colour(row.standing), colours);
        let bar = "█".repeat(usize::try_from(row.recent * BAR / most).unwrap_or(0));
        let bar = paint(&bar, colour(row.standing), colours);
        lines.push(format!(
            "  {:<8}  {answers}  {said}{:>7}  {bar} {}",
            row.name, row.asked, row.recent
        ));
    }
    lines.push(String::new());
    lines
}

fn said(standing: Standing) -> String {
    match standing {
        Standing::Ok => "ok".to_owned(),
        Standing::Cooling(left) => format!("cooling, {:.1} s left", left.as_secs_f32()),
        Standing::Probing => "due for its probe".to_owned(),
        Standing::Ramping(percent) => format!("ramping, at {percent} %"),
        Standing::Other => "refused".to_owned(),
    }
}

const RED: &str = "31";

/// The terminal's code for a colour; empty for none.
fn colour(standing: Standing) -> &'static str {
    match standing {
        Standing::Ok => "32",
        Standing::Cooling(_) | Standing::Other => RED,
        Standing::Probing => "33",
        Standing::Ramping(_) => "36",
    }
}

fn paint(text: &str, colour: &str, colours: bool) -> String {
    if !colours || colour.is_empty() {
        return text.to_owned();
    }
    format!("\x1b[{colour}m{text}\x1b[0m")
}

#[cfg(test)]
mod tests {
    use super::{super::callers::Sums, *};

    fn look(at: u64) -> Look {
        let row = |name, standing, recent| Row {
            name,
            broken: name == BROKEN,
            standing,
            asked: 100_000 + recent,
            recent,
        };
        let cooling = Standing::Cooling(Duration::from_millis(299_949));
        Look {
            at: Duration::from_secs(at),
            rows: [
                row("amber", Standing::Ok, 44),
                row("basil", cooling, 0),
                row("cedar", Standing::Ramping(100), 22),
            ],
            sums: Sums { sent: 1_200, answered: 1_199, retried: 4 },
        }
    }

    #[test]
    fn the_table_fits_a_terminal() {
        let lines = table(&look(29), Duration::from_secs(30), false);
        assert!(lines.iter().all(|line| line.chars().count() <= 80), "{lines:#?}");
        assert!(lines[3].ends_with(&format!("{} 44", "█".repeat(20))), "{lines:#?}");
        assert!(lines[4].contains("500      cooling, 299.9 s left"), "{lines:#?}");
        assert!(lines[5].ends_with(&format!(" {} 22", "█".repeat(10))), "{lines:#?}");
    }

    #[test]
    fn colours_change_no_width() {
        let lines = |colours| table(&look(29), Duration::from_secs(30), colours);
        let painted: Vec<String> = lines(true)
            .iter()
            .map(|line| {
                let codes = ["\x1b[31m", "\x1b[32m", "\x1b[36m", "\x1b[0m"];
                codes.iter().fold(line.clone(), |line, code| line.replace(code, ""))
            })
            .collect();
        assert_eq!(painted, lines(false));
    }

    #[test]
    fn plain_lines_have_no_codes_and_come_so_often() {
        let mut out = Vec::new();
        let mut screen = Screen::new(Style::Plain, &mut out, Duration::from_secs(30));
        let event = Event { at: Duration::from_secs(1), told: "it happened".to_owned() };
        for at in 0..4 {
            screen.show(&look(at), std::slice::from_ref(&event)).unwrap();
        }
        screen.end(&look(4), 3, Duration::from_secs(2)).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(!text.contains('\x1b'), "{text}");
        assert_eq!(text.matches("it happened").count(), 4, "{text}");
        assert_eq!(text.matches("amber ok").count(), 3, "{text}");
        assert!(text.contains("1200 calls in 4 s: 1 were not answered"), "{text}");
    }
}
