//! Scenarios of a campus, as phases.

use std::ops::Range;
use std::time::Duration;

use crate::plan::{Arrivals, Class, Method, Phase, Proof};

/// Events on a campus that put load on a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Scenario {
    /// A lecture hall arrives: everybody logs on in full, then roams
    Morning,
    /// Everybody has been there and moves about
    Roam,
    /// All access points restart: everybody comes back at once
    Reboot,
    /// A password was changed, and one device in ten still sends the old one
    Stale,
    /// An attacker tries passwords and names among real users
    Guess,
}

/// Parameters of a scenario.
#[derive(Clone, Debug)]
pub(crate) struct Parameters {
    /// Method of all log-ons.
    pub method: Method,
    /// Log-ons a second.
    pub rate: f64,
    /// Length of the last phase.
    pub length: Duration,
    /// Number of users.
    pub users: usize,
    /// Guesses a second, in [`Scenario::Guess`].
    pub guesses: f64,
}

/// Log-ons in flight during the warm-up.
const WARM_UP_IN_FLIGHT: usize = 16;
/// Limit of a phase that ends with its last log-on.
const LONGEST_PHASE: Duration = Duration::from_secs(3600);

impl Scenario {
    /// The phases of the scenario.
    #[must_use]
    pub(crate) fn phases(self, parameters: &Parameters) -> Vec<Phase> {
        let everybody = 0..parameters.users;
        let regulars = 0..parameters.users - parameters.users / 10;
        let others = regulars.end..parameters.users;
        let at_rate = Arrivals::Rate(parameters.rate);
        match self {
            Scenario::Morning => vec![
                parameters.once("arrival", at_rate, everybody.clone()),
                parameters.lasting("roaming", vec![parameters.roaming(everybody)]),
            ],
            Scenario::Roam => vec![
                parameters.warm_up(everybody.clone()),
                parameters.lasting("roaming", vec![parameters.roaming(everybody)]),
            ],
            Scenario::Reboot => vec![
                parameters.warm_up(everybody.clone()),
                parameters.once("reboot", Arrivals::InFlight(parameters.users), everybody),
            ],
            Scenario::Stale => {
                let stale = Class {
                    label: "old password",
                    proof: Proof::Stale,
                    resumes: false,
                    arrivals: Arrivals::Rate(parameters.rate / 10.0),
                    ..parameters.roaming(others)
                };
                vec![
                    parameters.warm_up(regulars.clone()),
                    parameters.lasting(
                        "after the change",
                        vec![parameters.roaming(regulars), stale],
                    ),
                ]
            }
            Scenario::Guess => {
                let classes = [parameters.roaming(regulars.clone())];
                let attack = parameters.attack(others);
                vec![
                    parameters.warm_up(regulars),
                    parameters.lasting("attack", classes.into_iter().chain(attack).collect()),
                ]
            }
        }
    }
}

impl Parameters {
    /// Warm-up: a full log-on of each user, not measured.
    #[must_use]
    pub(crate) fn warm_up(&self, users: Range<usize>) -> Phase {
        self.once("warm-up", Arrivals::InFlight(WARM_UP_IN_FLIGHT), users)
    }

    fn once(&self, label: &'static str, arrivals: Arrivals, users: Range<usize>) -> Phase {
        let class = Class {
            arrivals,
            count: Some(users.len() as u64),
            ..self.roaming(users)
        };
        Phase {
            label,
            length: LONGEST_PHASE,
            classes: vec![class],
        }
    }

    fn lasting(&self, label: &'static str, classes: Vec<Class>) -> Phase {
        Phase {
            label,
            length: self.length,
            classes,
        }
    }

    fn roaming(&self, users: Range<usize>) -> Class {
        Class {
            label: "users",
            method: self.method,
            arrivals: Arrivals::Rate(self.rate),
            proof: Proof::Right,
            users,
            resumes: self.method.is_eap(),
            wrong_percent: 0.0,
            count: None,
        }
    }

    /// Half of the guesses at known accounts, half at unknown names.
    fn attack(&self, users: Range<usize>) -> [Class; 2] {
        let class = |label, proof| Class {
            label,
            proof,
            arrivals: Arrivals::Rate(self.guesses / 2.0),
            resumes: false,
            ..self.roaming(users.clone())
        };
        [
            class("guesses", Proof::Guess),
            class("unknown names", Proof::UnknownUser),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum as _;

    fn parameters(users: usize) -> Parameters {
        Parameters {
            method: Method::TtlsPap,
            rate: 100.0,
            length: Duration::from_secs(5),
            users,
            guesses: 200.0,
        }
    }

    #[test]
    fn those_who_attack_or_err_are_not_those_who_are_measured() {
        for scenario in [Scenario::Stale, Scenario::Guess] {
            let phases = scenario.phases(&parameters(100));
            let last = phases.last().unwrap();
            let (users, others) = last.classes.split_first().unwrap();
            assert_eq!(users.users, 0..90);
            assert!(others.iter().all(|class| class.users == (90..100)));
        }
    }

    #[test]
    fn every_scenario_ends() {
        for scenario in Scenario::value_variants() {
            for phase in scenario.phases(&parameters(1)) {
                let bounded = |class: &Class| class.count.is_some();
                let is_short = phase.length <= Duration::from_secs(5);
                assert!(is_short || phase.classes.iter().all(bounded));
            }
        }
    }
}
