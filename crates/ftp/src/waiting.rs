//! Commands that wait for the end of a transfer.

use crate::command::Line;
use crate::refusal::Refusal;
use crate::settings::WAITING_MAX_BYTES;
use sasl::Secret;
use std::collections::VecDeque;

/// What each line counts besides its own bytes, so that a flood of empty ones is bounded as well.
const LINE_COST_BYTES: usize = 64;

/// A line that came during a transfer.
#[derive(Debug)]
pub(crate) enum WaitingLine {
    /// A command.
    Line(Secret),
    /// A line that is none.
    Bad(Refusal),
    /// ABOR, which has been obeyed and not answered.
    Aborted,
}

/// Lines in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    lines: VecDeque<WaitingLine>,
    size_bytes: usize,
}

impl Waiting {
    /// Adds a line; false if there are too many.
    pub(crate) fn keep(&mut self, line: WaitingLine) -> bool {
        self.size_bytes += cost_bytes(&line);
        self.lines.push_back(line);
        self.size_bytes <= WAITING_MAX_BYTES
    }

    /// Takes the first line.
    pub(crate) fn take(&mut self) -> Option<WaitingLine> {
        let line = self.lines.pop_front()?;
        self.size_bytes -= cost_bytes(&line);
        if self.lines.is_empty() {
            self.lines = VecDeque::new();
        }
        Some(line)
    }

    /// Whether an ABOR is among them.
    pub(crate) fn has_abort(&self) -> bool {
        self.lines.iter().any(|line| matches!(line, WaitingLine::Aborted))
    }

    /// Whether the command of this name is among them.
    pub(crate) fn has(&self, verb: &str) -> bool {
        let is = |line: &Secret| Line::parse(line.expose()).is_ok_and(|parsed| parsed.is(verb));
        self.lines.iter().any(|line| matches!(line, WaitingLine::Line(line) if is(line)))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }
}

fn cost_bytes(line: &WaitingLine) -> usize {
    LINE_COST_BYTES + if let WaitingLine::Line(line) = line { line.expose().len() } else { 0 }
}
