//! One form for states that differ in nothing that matters, so that each is looked at once.

use crate::state::{Ask, Change, GUESSES, Phase, Request, State};

impl State {
    /// Forgets the order of requests and guesses, and the distance between revisions.
    pub(crate) fn normalize(&mut self) {
        self.forget_over();
        self.sort_guesses();
        self.database
            .requests
            .retain(|request| !asks_nothing(request));
        self.database.requests.sort();
        compress(self.revisions());
        compress(self.windows());
    }

    /// A guess of which nobody learns any more is like any other.
    fn forget_over(&mut self) {
        for guess in &mut self.guesses {
            if guess.phase == Phase::Over {
                guess.node = 0;
                guess.period = 0;
            }
        }
    }

    fn sort_guesses(&mut self) {
        let mut order: [usize; GUESSES] = std::array::from_fn(|index| index);
        order.sort_by_key(|index| self.guesses[*index]);
        self.guesses = order.map(|index| self.guesses[index]);
        for guess in self.guess_numbers() {
            if let Some(place) = order.iter().position(|index| index == guess) {
                *guess = place;
            }
        }
    }

    /// Everything that names a guess.
    fn guess_numbers(&mut self) -> Vec<&mut usize> {
        let mut numbers = Vec::new();
        let mut changes = Vec::new();
        for request in &mut self.database.requests {
            match &mut request.ask {
                Ask::Take(guess) => numbers.push(guess),
                Ask::Merge { entries, .. } => changes.extend(entries),
            }
        }
        changes.extend(self.nodes.iter_mut().flat_map(|node| &mut node.journal));
        for entry in changes {
            if let Change::Failure { guess, .. } = &mut entry.change {
                numbers.push(guess);
            }
        }
        numbers
    }

    fn revisions(&mut self) -> Vec<&mut u8> {
        let mut counts = vec![&mut self.database.count];
        for node in &mut self.nodes {
            counts.push(&mut node.memory);
            counts.extend(node.merge_answer.as_mut().map(|(_, count)| count));
        }
        for guess in &mut self.guesses {
            if let Phase::Answered { count, .. } = &mut guess.phase {
                counts.push(count);
            }
        }
        counts
            .into_iter()
            .map(|count| &mut count.revision)
            .collect()
    }

    fn windows(&mut self) -> Vec<&mut u8> {
        let mut windows = vec![&mut self.database.window];
        for guess in &mut self.guesses {
            windows.extend(&mut guess.merged_in);
            if let Phase::Answered { window, .. } | Phase::ToldTaken { window, .. } =
                &mut guess.phase
            {
                windows.push(window);
            }
        }
        windows
    }
}

fn asks_nothing(request: &Request) -> bool {
    let Ask::Merge { entries, .. } = &request.ask else {
        return false;
    };
    entries.is_empty() && !request.is_heard
}

/// Keeps the order of numbers, and nothing else of them.
fn compress(numbers: Vec<&mut u8>) {
    let mut sorted: Vec<u8> = numbers.iter().map(|number| **number).collect();
    sorted.sort_unstable();
    sorted.dedup();
    for number in numbers {
        let place = sorted.binary_search(number).unwrap();
        *number = u8::try_from(place).unwrap();
    }
}
