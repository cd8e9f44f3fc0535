//! Accounting: what is answered, what is kept, and whose sessions they are.

mod ending;
mod nas;
mod peers;
mod restart;
mod storms;
mod told;

pub(crate) use nas::{AccountingNas, START, STOP, status};
