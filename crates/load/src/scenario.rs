//! What happens on a campus, as phases: who comes, how, and how many a second.

use std::ops::Range;
use std::time::Duration;

use crate::plan::{Arrivals, Class, Method, Phase, Proof};

/// A day's events that a server has to stand.
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

/// What a scenario is made of.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    /// How everybody logs on.
    pub method: Method,
    /// Log-ons a second.
    pub rate: f64,
    /// How long its last phase lasts.
    pub length: Duration,
    /// How many people there are.
    pub people: usize,
    /// Guesses a second, in [`Scenario::Guess`].
    pub guesses: f64,
}

/// How many at a time log on while nothing is measured yet.
const WARM_UP_IN_FLIGHT: usize = 16;
/// Until which a phase that ends with its last log-on has to end.
const LONGEST_PHASE: Duration = Duration::from_secs(3600);

impl Scenario {
    /// Its phases.
    #[must_use]
    pub(crate) fn phases(self, setting: &Setting) -> Vec<Phase> {
        let everybody = 0..setting.people;
        let regulars = 0..setting.people - setting.people / 10;
        let others = regulars.end..setting.people;
        let at_rate = Arrivals::Rate(setting.rate);
        match self {
            Scenario::Morning => vec![
                setting.once("arrival", at_rate, everybody.clone()),
                setting.lasting("roaming", vec![setting.roaming(everybody)]),
            ],
            Scenario::Roam => vec![
                setting.warm_up(everybody.clone()),
                setting.lasting("roaming", vec![setting.roaming(everybody)]),
            ],
            Scenario::Reboot => vec![
                setting.warm_up(everybody.clone()),
                setting.once("reboot", Arrivals::InFlight(setting.people), everybody),
            ],
            Scenario::Stale => {
                let stale = Class {
                    label: "old password",
                    proof: Proof::Stale,
                    resumes: false,
                    arrivals: Arrivals::Rate(setting.rate / 10.0),
                    ..setting.roaming(others)
                };
                vec![
                    setting.warm_up(regulars.clone()),
                    setting.lasting("after the change", vec![setting.roaming(regulars), stale]),
                ]
            }
            Scenario::Guess => {
                let classes = [setting.roaming(regulars.clone())];
                let attack = setting.attack(others);
                vec![
                    setting.warm_up(regulars),
                    setting.lasting("attack", classes.into_iter().chain(attack).collect()),
                ]
            }
        }
    }
}

impl Setting {
    /// Everybody once in full, before anything is measured.
    #[must_use]
    pub(crate) fn warm_up(&self, people: Range<usize>) -> Phase {
        self.once("warm-up", Arrivals::InFlight(WARM_UP_IN_FLIGHT), people)
    }

    fn once(&self, label: &'static str, arrivals: Arrivals, people: Range<usize>) -> Phase {
        let class = Class {
            arrivals,
            count: Some(people.len() as u64),
            ..self.roaming(people)
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

    fn roaming(&self, people: Range<usize>) -> Class {
        Class {
            label: "users",
            method: self.method,
            arrivals: Arrivals::Rate(self.rate),
            proof: Proof::Right,
            people,
            resumes: self.method.is_eap(),
            wrong_percent: 0.0,
            count: None,
        }
    }

    /// Half of the guesses on accounts that there are, half on names that nobody has.
    fn attack(&self, people: Range<usize>) -> [Class; 2] {
        let class = |label, proof| Class {
            label,
            proof,
            arrivals: Arrivals::Rate(self.guesses / 2.0),
            resumes: false,
            ..self.roaming(people.clone())
        };
        [
            class("guesses", Proof::Guess),
            class("unknown names", Proof::Nobody),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum as _;

    fn setting(people: usize) -> Setting {
        Setting {
            method: Method::TtlsPap,
            rate: 100.0,
            length: Duration::from_secs(5),
            people,
            guesses: 200.0,
        }
    }

    #[test]
    fn those_who_attack_or_err_are_not_those_who_are_measured() {
        for scenario in [Scenario::Stale, Scenario::Guess] {
            let phases = scenario.phases(&setting(100));
            let last = phases.last().unwrap();
            let (users, others) = last.classes.split_first().unwrap();
            assert_eq!(users.people, 0..90);
            assert!(others.iter().all(|class| class.people == (90..100)));
        }
    }

    #[test]
    fn every_scenario_ends() {
        for scenario in Scenario::value_variants() {
            for phase in scenario.phases(&setting(1)) {
                let bounded = |class: &Class| class.count.is_some();
                let is_short = phase.length <= Duration::from_secs(5);
                assert!(is_short || phase.classes.iter().all(bounded));
            }
        }
    }
}
