//! Questions that a directory answers later, without a thread that waits meanwhile.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Instant;

use portvakt_auth::{Account, Barred, Proof, ProvenRefusal};

use crate::FindError;

/// The account of a name; `None` if no account has it.
pub type LookupResult = Result<Option<Arc<Account>>, FindError>;

/// A directory's verdict on a password that it was asked to check.
#[derive(Debug)]
pub enum Verdict {
    /// It is right.
    Right(Proof),
    /// It is wrong.
    Wrong,
    /// It is right, and the directory lets nobody in by it.
    Closed {
        /// Why.
        refusal: ProvenRefusal,
        /// The directory's answer, for the helpdesk.
        detail: &'static str,
    },
    /// Right or wrong, the directory lets nobody in.
    Barred {
        /// Why.
        barred: Barred,
        /// The directory's answer, for the helpdesk.
        detail: &'static str,
    },
}

/// The receiver of an answer: called exactly once, on any thread. If it is dropped unanswered, the
/// answer is [`FindError::Unavailable`].
pub struct Completion<T>(Option<Receiver<T>>);

type Receiver<T> = Box<dyn FnOnce(Result<T, FindError>) + Send>;

impl<T> Completion<T> {
    fn new(done: impl FnOnce(Result<T, FindError>) + Send + 'static) -> Self {
        Self(Some(Box::new(done)))
    }

    /// Answers.
    pub fn send(mut self, answer: Result<T, FindError>) {
        if let Some(done) = self.0.take() {
            done(answer);
        }
    }
}

impl<T> Drop for Completion<T> {
    fn drop(&mut self) {
        if let Some(done) = self.0.take() {
            done(Err(FindError::Unavailable("the question was lost".into())));
        }
    }
}

/// A question to a directory, not yet asked.
pub struct Pending<T>(Box<dyn FnOnce(Instant, Completion<T>) + Send>);

/// A pending look-up of an account by name.
pub type PendingLookup = Pending<Option<Arc<Account>>>;

/// Is this the password?
pub type Verify = Pending<Verdict>;

impl<T: Send + 'static> Pending<T> {
    /// `ask` sends the request and returns; it must not wait.
    pub fn new(ask: impl FnOnce(Instant, Completion<T>) + Send + 'static) -> Self {
        Self(Box::new(ask))
    }

    /// A question whose answer is known.
    pub fn answered(answer: Result<T, FindError>) -> Self {
        Self::new(|_, reply| reply.send(answer))
    }

    /// Asks. `done` gets the answer, once; no later than the directory's patience after `began`,
    /// when the log-on came in that this is about: all its questions share that time.
    pub fn start(self, began: Instant, done: impl FnOnce(Result<T, FindError>) + Send + 'static) {
        (self.0)(began, Completion::new(done));
    }

    /// Asks and waits, no longer than the directory's patience after `began`: for the operator's
    /// threads, never for one that serves requests.
    ///
    /// # Errors
    /// As the directory answers.
    pub fn wait(self, began: Instant) -> Result<T, FindError> {
        let (sender, receiver) = channel();
        self.start(began, move |answer| {
            let _ = sender.send(answer);
        });
        let lost = |_| Err(FindError::Unavailable("the question was lost".into()));
        receiver.recv().unwrap_or_else(lost)
    }
}

#[cfg(test)]
mod tests;
