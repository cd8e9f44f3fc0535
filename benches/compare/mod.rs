//! FreeRADIUS and Portvakt side by side: the same people, the same devices, the same duties, in turn.
//!
//! ```text
//! case -> ground (people, certificates, slapd) -> FreeRADIUS, Portvakt -> runs A B A B -> table
//! ```

#![allow(
    dead_code,
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a benchmark stops at the first surprise, and a test uses a part of it"
)]

pub(crate) mod cases;
mod freeradius;
mod ground;
mod machine;
mod people;
mod portvakt;
pub(crate) mod report;
mod run;
pub(crate) mod table;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cases::{Case, Proof, Whose};
use freeradius::FreeRadius;
use ground::Ground;
use run::{Figures, Server};
use serde::Serialize;

/// How much is measured.
pub(crate) struct Extent {
    /// Runs of each server.
    pub(crate) pairs: usize,
    /// How long each is.
    pub(crate) seconds: f64,
    /// People where their passwords are quickly checked.
    pub(crate) people: usize,
    /// Set once it is to end before its time: servers and folders go with their row.
    pub(crate) stopped: Arc<AtomicBool>,
}

/// Both servers' figures of a case, pair by pair.
#[derive(Serialize)]
pub(crate) struct Outcome {
    pub(crate) id: &'static str,
    /// How Portvakt keeps the passwords.
    pub(crate) kept: &'static str,
    /// Empty where only Portvakt is measured.
    pub(crate) theirs: Vec<Figures>,
    pub(crate) ours: Vec<Figures>,
}

/// Measures one case. `tell` hears of each run.
///
/// # Errors
/// Whatever is not as it should be, in words: a wrong answer, a server that does not start.
pub(crate) fn compare(
    case: &Case,
    extent: &Extent,
    mut tell: impl FnMut(&'static str, &Figures),
) -> Result<Outcome, String> {
    let ground = Ground::prepare(case, extent.people, extent.pairs);
    let freeradius = match case.alone {
        true => None,
        false => Some(FreeRadius::start(case, &ground)?),
    };
    let daemon = portvakt::start(case, &ground);
    let ours = Server {
        address: daemon.address(),
        id: daemon.id(),
        signed: true,
    };
    let mut outcome = Outcome {
        id: case.id,
        kept: ground.people.kept(),
        theirs: Vec::new(),
        ours: Vec::new(),
    };
    // The first turn warms both up and is not kept.
    for turn in 0..=extent.pairs {
        if extent.stopped.load(Ordering::Relaxed) {
            return Err("stopped".to_owned());
        }
        let seconds = if turn == 0 { 0.5 } else { extent.seconds };
        if let Some(freeradius) = &freeradius {
            freeradius.forget_sessions();
            let figures = run::measure(case, &ground, freeradius.server(case), seconds, turn);
            let figures = figures.map_err(|why| format!("FreeRADIUS: {why}"))?;
            keep(&mut outcome.theirs, turn, figures, |figures| {
                tell("FreeRADIUS", figures);
            });
        }
        meet(case, &ground, ours, turn)?;
        let figures = run::measure(case, &ground, ours, seconds, turn);
        let figures = figures.map_err(|why| format!("Portvakt: {why}"))?;
        keep(&mut outcome.ours, turn, figures, |figures| {
            tell("Portvakt", figures);
        });
    }
    portvakt::refused_rightly(case, &ground, &daemon)?;
    Ok(outcome)
}

/// The state of accounts before Portvakt is measured: remembered, or locked.
fn meet(case: &Case, ground: &Ground, ours: Server, turn: usize) -> Result<(), String> {
    let is_due = match case.proof {
        Proof::Wrong => true,
        Proof::Right | Proof::Locked => turn == 0,
    };
    let by_password = case.method != "status" && case.method != "eap-tls";
    match is_due && by_password && case.whose() == Whose::Known {
        true => run::everybody(case, ground, ours),
        false => Ok(()),
    }
}

fn keep(kept: &mut Vec<Figures>, turn: usize, figures: Figures, tell: impl FnOnce(&Figures)) {
    if turn > 0 {
        tell(&figures);
        kept.push(figures);
    }
}
