//! The places of a listening socket.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// So many connections at once. Beyond them the one that has waited longest for its peer gives way
/// where it can, else the newcomer is dropped: idle connections keep nobody out.
pub(crate) struct Room {
    most: usize,
    can_give_way: bool,
    /// Those that have a place, oldest first.
    seats: Mutex<VecDeque<Arc<Seat>>>,
    /// Those and the ones that are told to leave and have not yet.
    open: AtomicUsize,
}

#[derive(Default)]
struct Seat {
    is_busy: AtomicBool,
    leave: Notify,
}

/// A connection's place; given back when it is dropped.
pub(crate) struct Place {
    room: Arc<Room>,
    seat: Arc<Seat>,
}

impl Room {
    /// For connections that look at [`Place::told_to_leave`].
    pub(crate) fn giving_way(most: usize) -> Self {
        Self::new(most, true)
    }

    /// For connections that stay until they end by themselves.
    pub(crate) fn holding(most: usize) -> Self {
        Self::new(most, false)
    }

    fn new(most: usize, can_give_way: bool) -> Self {
        Self {
            most,
            can_give_way,
            seats: Mutex::default(),
            open: AtomicUsize::new(0),
        }
    }

    /// A place for a newcomer; `None` where there is none.
    pub(crate) fn take(self: &Arc<Self>) -> Option<Place> {
        let mut seats = self.seats();
        if seats.len() >= self.most && !self.make_room(&mut seats) {
            return None;
        }
        let seat = Arc::<Seat>::default();
        seats.push_back(Arc::clone(&seat));
        self.open.fetch_add(1, Ordering::Relaxed);
        Some(Place {
            room: Arc::clone(self),
            seat,
        })
    }

    /// Tells the oldest that only waits to leave; whether there was one. Those that were told before
    /// and are still there count, too: no descriptor is promised twice.
    fn make_room(&self, seats: &mut VecDeque<Arc<Seat>>) -> bool {
        let are_leaving = self.open.load(Ordering::Relaxed) - seats.len();
        if !self.can_give_way || are_leaving >= self.most {
            return false;
        }
        let waits = |seat: &Arc<Seat>| !seat.is_busy.load(Ordering::Relaxed);
        let oldest = seats.iter().position(waits);
        let left = oldest.and_then(|oldest| seats.remove(oldest));
        left.inspect(|seat| seat.leave.notify_one()).is_some()
    }

    fn seats(&self) -> MutexGuard<'_, VecDeque<Arc<Seat>>> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Its peer has asked: it gives way no more.
    pub(crate) fn keep(&self) {
        self.seat.is_busy.store(true, Ordering::Relaxed);
    }

    /// Done when it must give way to a newcomer.
    pub(crate) async fn told_to_leave(&self) {
        self.seat.leave.notified().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut seats = self.room.seats();
        seats.retain(|seat| !Arc::ptr_eq(seat, &self.seat));
        self.room.open.fetch_sub(1, Ordering::Relaxed);
    }
}
