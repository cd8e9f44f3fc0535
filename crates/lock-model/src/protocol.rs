//! The steps of the protocol, and the faults that may come between.

use crate::state::{
    Ask, Change, Count, Entry, GUESSES, Guess, LIMIT, Mode, NODES, Node, Phase, Request, State,
    Verdict,
};
use crate::{Faults, Missing};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// A guess arrives at a node and, if admitted, is reserved and compared.
    Arrive {
        node: usize,
        is_right: bool,
    },
    /// The outcome of a guess is sent to the database.
    Ask(usize),
    /// The database commits one of the requests.
    Commit(usize),
    /// The verdict on a guess arrives at its node, which tells it.
    Hear(usize),
    /// The change feed brings the database's count to a node.
    Feed(usize),
    /// The node gives up on its connection: partition, restart of the database, or no answer within
    /// the deadline.
    Cut(usize),
    /// A node alone settles a guess in memory and journal.
    Decide(usize),
    /// A node alone tells what it decided.
    Tell(usize),
    /// The node has a connection again and sends its journal.
    Return(usize),
    /// The merge's answer arrives.
    Merged(usize),
    Crash(usize),
    /// The node starts; that needs the database.
    Start(usize),
    /// A period ends.
    TimePasses,
}

/// The protocol, as it is or without one of its guards.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Protocol {
    pub(crate) missing: Option<Missing>,
    pub(crate) faults: Faults,
}

impl Protocol {
    fn lacks(self, guard: Missing) -> bool {
        self.missing == Some(guard)
    }

    /// Everything that may happen next.
    pub(crate) fn possible(self, state: &State, actions: &mut Vec<Action>) {
        for (index, node) in state.nodes.iter().enumerate() {
            self.possible_at(state, index, node, actions);
        }
        for (index, guess) in state.guesses.iter().enumerate() {
            actions.extend(possible_with(index, guess, state));
        }
        actions.extend((0..state.database.requests.len()).map(Action::Commit));
        if state.faults_left.periods > 0 {
            actions.push(Action::TimePasses);
        }
    }

    fn possible_at(self, state: &State, index: usize, node: &Node, actions: &mut Vec<Action>) {
        let waiting = state.guesses.iter().filter(|guess| guess.waits()).count();
        // The first guess comes to the first node: the other runs are these, mirrored.
        let is_serving = !matches!(node.mode, Mode::Down | Mode::Starting);
        if is_serving && waiting > 0 && (waiting < GUESSES || index == 0) {
            let is_right = [false, true];
            // One device has the right password; the other guesses are wrong.
            let kinds = is_right
                .into_iter()
                .take(2 - usize::from(state.has_right_guess()));
            actions.extend(kinds.map(|is_right| Action::Arrive {
                node: index,
                is_right,
            }));
        }
        if matches!(node.mode, Mode::Shared | Mode::Merging | Mode::Starting)
            && state.faults_left.cuts > 0
        {
            actions.push(Action::Cut(index));
        }
        if node.mode != Mode::Down && state.faults_left.crashes > 0 {
            actions.push(Action::Crash(index));
        }
        if node.merge_answer.is_some() {
            actions.push(Action::Merged(index));
        }
        let must_tell =
            state.has_untold_decisions(index) && !self.lacks(Missing::TellingBeforeMerge);
        match node.mode {
            Mode::Alone if !must_tell => actions.push(Action::Return(index)),
            Mode::Shared => actions.push(Action::Feed(index)),
            Mode::Down => actions.push(Action::Start(index)),
            Mode::Alone | Mode::Merging | Mode::Starting => {}
        }
    }

    /// The state after an action; `None` if it changes nothing.
    pub(crate) fn after(self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Arrive { node, is_right } => arrive(&mut state, node, is_right)?,
            Action::Ask(guess) => self.ask(&mut state, guess),
            Action::Commit(request) => self.commit(&mut state, request),
            Action::Hear(guess) => self.hear(&mut state, guess),
            Action::Feed(node) => {
                let count = state.database.count;
                self.adopt(&mut state, node, count);
            }
            Action::Cut(node) => {
                state.faults_left.cuts -= 1;
                self.cut(&mut state, node);
            }
            Action::Decide(guess) => self.decide(&mut state, guess),
            Action::Tell(guess) => tell_alone(&mut state, guess),
            Action::Return(node) | Action::Start(node) => self.send_journal(&mut state, node),
            Action::Merged(node) => self.merged(&mut state, node),
            Action::Crash(node) => {
                state.faults_left.crashes -= 1;
                crash(&mut state, node);
            }
            Action::TimePasses => {
                state.faults_left.periods -= 1;
                state.now += 1;
                state.nodes.iter_mut().for_each(|node| node.wrong_told = 0);
            }
        }
        state.normalize();
        (state != *last).then_some(state)
    }

    fn ask(self, state: &mut State, guess: usize) {
        state.guesses[guess].phase = Phase::Asked;
        let is_told = self.lacks(Missing::TakingBeforeTelling);
        state.database.requests.push(Request {
            ask: Ask::Take(guess),
            is_heard: !is_told,
        });
        if is_told {
            let Guess { node, is_right, .. } = state.guesses[guess];
            let verdict = settle(&mut state.nodes[node].memory, is_right, state.now);
            tell_taken(state, guess, verdict, state.database.window);
        }
    }

    fn commit(self, state: &mut State, request: usize) {
        let Request { ask, is_heard } = state.database.requests.remove(request);
        match ask {
            Ask::Take(guess) => take(state, guess, is_heard),
            Ask::Merge { node, entries } => self.merge(state, node, &entries, is_heard),
        }
    }

    /// The database takes in the journal of a node.
    fn merge(self, state: &mut State, node: usize, entries: &[Entry], is_heard: bool) {
        let merged = state.database.merged[node];
        let is_new =
            |entry: &&Entry| entry.sequence > merged || self.lacks(Missing::MergedSequence);
        let new: Vec<Entry> = entries.iter().filter(is_new).copied().collect();
        let before = begin_window(state);
        let mut journalled = journalled(&new, state.now);
        note_merged(state, &new);
        let mut count = before;
        let has_clearing = new.iter().any(|entry| entry.change == Change::Cleared);
        if has_clearing && self.lacks(Missing::DatabaseCountKept) {
            count = count.cleared(state.now);
        }
        count.fail(journalled.failures);
        if !self.lacks(Missing::LockInJournal) {
            count.is_locked |= journalled.is_locked;
        }
        journalled.failures = journalled.failures.max(before.failures);
        journalled.is_locked |= before.is_locked;
        state.breaches.weaker_merge |=
            !count.is_locked && (journalled.is_locked || count.failures < journalled.failures);
        count.revision += u8::from(!new.is_empty());
        state.database.count = count;
        let last = entries.last().map_or(0, |entry| entry.sequence);
        state.database.merged[node] = merged.max(last);
        if is_heard {
            state.nodes[node].merge_answer = Some((last, count));
        }
    }

    fn hear(self, state: &mut State, guess: usize) {
        let Guess { node, phase, .. } = state.guesses[guess];
        let Phase::Answered {
            verdict,
            count,
            window,
        } = phase
        else {
            return;
        };
        self.adopt(state, node, count);
        tell_taken(state, guess, verdict, window);
    }

    /// A node takes over a count of the database into its memory.
    fn adopt(self, state: &mut State, node: usize, count: Count) {
        let node = &mut state.nodes[node];
        if count.revision >= node.memory.revision || self.lacks(Missing::NewestRevision) {
            node.memory = count;
        }
        if count.at(state.now).is_locked {
            node.heard_lock = Some(state.now);
        }
    }

    fn cut(self, state: &mut State, node: usize) {
        let mode = &mut state.nodes[node].mode;
        *mode = match *mode {
            Mode::Starting => Mode::Down,
            _ => Mode::Alone,
        };
        state.nodes[node].merge_answer = None;
        hang_up(state, node);
        for index in 0..state.guesses.len() {
            let guess = &mut state.guesses[index];
            if guess.node != node || !matches!(guess.phase, Phase::Asked | Phase::Answered { .. }) {
                continue;
            }
            guess.phase = Phase::Compared;
            if self.lacks(Missing::JournalOfUnderWay) {
                guess.period = state.now;
                let verdict = settle(&mut state.nodes[node].memory, guess.is_right, state.now);
                guess.phase = Phase::Decided(verdict);
            }
        }
    }

    /// Memory decides, and the change is in the journal.
    fn decide(self, state: &mut State, guess: usize) {
        let now = state.now;
        let Guess { node, is_right, .. } = state.guesses[guess];
        let before = state.nodes[node].memory.at(now);
        let verdict = settle(&mut state.nodes[node].memory, is_right, now);
        let after = state.nodes[node].memory;
        state.guesses[guess].phase = Phase::Decided(verdict);
        state.guesses[guess].period = now;
        let change = match verdict {
            Verdict::Wrong => Change::Failure {
                guess,
                locks: after.is_locked,
            },
            Verdict::Right if before.failures > 0 => Change::Cleared,
            Verdict::Right | Verdict::Locked => return,
        };
        if change == Change::Cleared {
            note_cleared(state, node);
        }
        self.write(&mut state.nodes[node], now, change);
    }

    fn write(self, node: &mut Node, period: u8, change: Change) {
        if node.journal.is_empty() && self.lacks(Missing::GrowingSequence) {
            node.last_sequence = 0;
        }
        node.last_sequence += 1;
        node.journal.push(Entry {
            sequence: node.last_sequence,
            period,
            change,
        });
    }

    fn send_journal(self, state: &mut State, index: usize) {
        let node = &mut state.nodes[index];
        if self.lacks(Missing::MergeBeforeTaking) && node.mode == Mode::Alone {
            node.mode = Mode::Shared;
            return;
        }
        node.mode = match node.mode {
            Mode::Down => Mode::Starting,
            _ => Mode::Merging,
        };
        let entries = match self.lacks(Missing::JournalUntilCommit) {
            true => std::mem::take(&mut node.journal),
            false => node.journal.clone(),
        };
        state.database.requests.push(Request {
            ask: Ask::Merge {
                node: index,
                entries,
            },
            is_heard: true,
        });
    }

    fn merged(self, state: &mut State, index: usize) {
        let node = &mut state.nodes[index];
        let Some((last, count)) = node.merge_answer.take() else {
            return;
        };
        node.journal.retain(|entry| entry.sequence > last);
        node.mode = Mode::Shared;
        // The database's count holds all that this memory had of its own.
        node.memory = count;
        self.adopt(state, index, count);
    }
}

fn possible_with(index: usize, guess: &Guess, state: &State) -> Option<Action> {
    let mode = state.nodes[guess.node].mode;
    match guess.phase {
        Phase::Compared if mode == Mode::Shared => Some(Action::Ask(index)),
        Phase::Compared if mode == Mode::Alone => Some(Action::Decide(index)),
        Phase::Answered { .. } => Some(Action::Hear(index)),
        Phase::Decided(_) => Some(Action::Tell(index)),
        _ => None,
    }
}

/// The memory table's gate: what it has no room for is not compared.
fn arrive(state: &mut State, node: usize, is_right: bool) -> Option<()> {
    let index = state.guesses.iter().position(Guess::waits)?;
    let memory = state.nodes[node].memory.at(state.now);
    let phase = match memory.is_locked {
        true => Phase::Over,
        false if memory.failures + state.reserved(node) < LIMIT => Phase::Compared,
        false => return None,
    };
    let is_compared = phase == Phase::Compared;
    state.breaches.lock_unheard |= is_compared && state.nodes[node].heard_lock == Some(state.now);
    let guess = &mut state.guesses[index];
    (guess.node, guess.is_right, guess.phase) = (node, is_right, phase);
    Some(())
}

/// Settles an outcome in a count: the rule that database and memory share.
fn settle(count: &mut Count, is_right: bool, now: u8) -> Verdict {
    *count = count.at(now);
    match is_right {
        _ if count.is_locked => Verdict::Locked,
        true => {
            *count = count.cleared(now);
            Verdict::Right
        }
        false => {
            count.fail(1);
            Verdict::Wrong
        }
    }
}

/// Forgets in the database what has run out.
fn begin_window(state: &mut State) -> Count {
    let count = state.database.count;
    let holds = count.at(state.now);
    if count.failures > 0 && holds.failures == 0 {
        state.database.window += 1;
    }
    holds
}

/// The database takes an outcome.
fn take(state: &mut State, index: usize, is_heard: bool) {
    state.database.count = begin_window(state);
    let count = &mut state.database.count;
    let before = *count;
    let verdict = settle(count, state.guesses[index].is_right, state.now);
    let is_changed = before.failures != count.failures || before.is_locked != count.is_locked;
    count.revision += u8::from(is_changed);
    let (count, window) = (*count, state.database.window);
    if verdict == Verdict::Right {
        state.database.window += 1;
        state.nodes.iter_mut().for_each(|node| node.wrong_told = 0);
    }
    let guess = &mut state.guesses[index];
    if is_heard && guess.phase == Phase::Asked {
        guess.period = state.now;
        guess.phase = Phase::Answered {
            verdict,
            count,
            window,
        };
    }
}

/// What a journal holds after its last clearing, as far as it has not run out.
fn journalled(entries: &[Entry], now: u8) -> Count {
    let mut count = Count::default().cleared(now);
    for entry in entries.iter().filter(|entry| entry.period == now) {
        match entry.change {
            Change::Cleared => count = count.cleared(now),
            Change::Failure { locks, .. } => {
                count.failures += 1;
                count.is_locked |= locks;
            }
        }
    }
    count
}

fn tell_taken(state: &mut State, index: usize, verdict: Verdict, window: u8) {
    let node = state.guesses[index].node;
    let is_new = verdict == Verdict::Wrong && state.guesses[index].period == state.now;
    state.nodes[node].wrong_told += u8::from(is_new);
    let was_taken = matches!(state.guesses[index].phase, Phase::Answered { .. });
    state.breaches.right_under_lock |=
        verdict == Verdict::Right && !was_taken && state.database.count.at(state.now).is_locked;
    state.guesses[index].phase = match verdict {
        Verdict::Locked => Phase::Over,
        Verdict::Wrong | Verdict::Right => Phase::ToldTaken { verdict, window },
    };
}

fn tell_alone(state: &mut State, index: usize) {
    let Guess {
        node,
        phase,
        period,
        ..
    } = state.guesses[index];
    let Phase::Decided(verdict) = phase else {
        return;
    };
    let is_new = verdict == Verdict::Wrong && period == state.now;
    let is_alone = state.nodes[node].mode == Mode::Alone;
    let is_locked = state.database.count.at(state.now).is_locked;
    state.breaches.right_under_lock |= verdict == Verdict::Right && !is_alone && is_locked;
    state.nodes[node].wrong_told += u8::from(is_new);
    state.guesses[index].phase = match verdict {
        Verdict::Locked => Phase::Over,
        Verdict::Wrong | Verdict::Right => Phase::ToldAlone(verdict),
    };
}

/// Answers to what the node has asked do not arrive any more; the database may commit it.
fn hang_up(state: &mut State, index: usize) {
    for request in &mut state.database.requests {
        let node = match request.ask {
            Ask::Take(guess) => state.guesses[guess].node,
            Ask::Merge { node, .. } => node,
        };
        request.is_heard &= node != index;
    }
}

fn crash(state: &mut State, index: usize) {
    hang_up(state, index);
    let node = &mut state.nodes[index];
    node.mode = Mode::Down;
    node.memory = Count::default();
    node.merge_answer = None;
    node.heard_lock = None;
    let lost = |guess: &&mut Guess| {
        guess.node == index
            && !matches!(
                guess.phase,
                Phase::Waiting | Phase::ToldTaken { .. } | Phase::ToldAlone(_)
            )
    };
    for guess in state.guesses.iter_mut().filter(lost) {
        guess.phase = Phase::Over;
    }
}

/// Failures of this node that its journal has cleared need not be anywhere.
fn note_cleared(state: &mut State, node: usize) {
    for entry in &state.nodes[node].journal {
        if let Change::Failure { guess, .. } = entry.change {
            state.guesses[guess].is_cleared = true;
        }
    }
    state.nodes[node].wrong_told = 0;
}

fn note_merged(state: &mut State, new: &[Entry]) {
    let window = state.database.window;
    for entry in new {
        if let Change::Failure { guess, .. } = entry.change {
            let guess = &mut state.guesses[guess];
            state.breaches.counted_twice |= guess.merged_in.is_some();
            guess.merged_in = Some(window);
        }
    }
}

const _: () = assert!(NODES == 2, "the properties speak of two nodes");
