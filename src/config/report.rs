//! Collects what is found while a configuration is checked, so that nothing stops at the first.

use std::cell::RefCell;

use super::problem::{Finding, Location, Problem, Problems, Warning};
use super::source_text::SourceText;

/// The place and the name of a key or value.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) key: String,
    /// None when the table it belongs to is not in the file.
    pub(super) offset: Option<usize>,
    /// The value to show; none for secrets and for whole tables.
    pub(super) shown: Option<String>,
}

/// A value that was read, and where.
#[derive(Debug, Clone)]
pub(super) struct Located<T> {
    pub(super) value: T,
    pub(super) place: Place,
}

/// The findings so far. Shared by all sections, hence the cells.
pub(super) struct Report<'s> {
    source: &'s SourceText<'s>,
    problems: RefCell<Vec<Finding>>,
    warnings: RefCell<Vec<Finding>>,
}

impl<'s> Report<'s> {
    pub(super) fn new(source: &'s SourceText<'s>) -> Self {
        Self {
            source,
            problems: RefCell::default(),
            warnings: RefCell::default(),
        }
    }

    pub(super) fn problem(&self, place: &Place, problem: Problem, advice: impl Into<String>) {
        self.problems
            .borrow_mut()
            .push(self.finding(place, problem, advice.into()));
    }

    pub(super) fn warning(&self, place: &Place, lint: impl Into<String>, advice: &str) {
        let problem = Problem::Lint(lint.into());
        self.warnings
            .borrow_mut()
            .push(self.finding(place, problem, advice.to_owned()));
    }

    /// The second of two equal values is the problem; the first one's line is named.
    pub(super) fn duplicate(&self, place: &Place, first: &Place, advice: &str) {
        let line = self.locate(first).line;
        self.problem(place, Problem::Duplicate(line), advice);
    }

    fn locate(&self, place: &Place) -> Location {
        self.source.locate(place.offset)
    }

    fn finding(&self, place: &Place, problem: Problem, advice: String) -> Finding {
        let Place { key, shown, .. } = place.clone();
        Finding {
            at: self.locate(place),
            key,
            value: shown,
            problem,
            advice,
        }
    }

    /// Findings in the order of the file; the value only if there are no problems.
    pub(super) fn conclude<T>(self, checked: Option<T>) -> Result<(T, Vec<Warning>), Problems> {
        let warnings = in_order(self.warnings).into_iter().map(Warning).collect();
        let problems = in_order(self.problems);
        match checked {
            Some(value) if problems.is_empty() => Ok((value, warnings)),
            _ => Err(Problems { problems, warnings }),
        }
    }
}

fn in_order(findings: RefCell<Vec<Finding>>) -> Vec<Finding> {
    let mut findings = findings.into_inner();
    findings.sort_by_key(|finding| (finding.at.line, finding.at.column));
    findings
}
