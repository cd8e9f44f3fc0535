//! Places by themselves, the loop on a socket that does as it is told.

use std::collections::VecDeque;
use std::sync::Mutex;

use super::*;

fn has_to_leave(place: &Place) -> bool {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let told = async {
        tokio::select! {
            biased;
            () = place.told_to_leave() => true,
            () = std::future::ready(()) => false,
        }
    };
    runtime.unwrap().block_on(told)
}

fn take(room: &Arc<Room>, count: usize) -> Vec<Place> {
    (0..count).filter_map(|_| room.take()).collect()
}

#[test]
fn a_place_is_given_back_when_its_connection_ends() {
    let room = Arc::new(Room::holding(2));
    let mut places = take(&room, 3);
    assert_eq!(places.len(), 2);
    places.pop();
    assert!(room.take().is_some());
}

#[test]
fn newcomer_is_dropped_where_nobody_can_give_way() {
    let room = Arc::new(Room::holding(16));
    let idle = take(&room, 16);
    assert!(room.take().is_none());
    assert!(!idle.iter().any(has_to_leave));
}

#[test]
fn the_one_that_waited_longest_gives_way_and_who_has_asked_does_not() {
    let room = Arc::new(Room::giving_way(3));
    let places = take(&room, 3);
    places[0].keep();
    let newcomer = room.take().unwrap();
    let left: Vec<_> = places.iter().map(has_to_leave).collect();
    assert_eq!(left, [false, true, false]);
    assert!(!has_to_leave(&newcomer));
    places[2].keep();
    newcomer.keep();
    assert!(room.take().is_none());
}

#[test]
fn so_many_are_leaving_at_most_however_fast_others_come() {
    let room = Arc::new(Room::giving_way(4));
    let places = take(&room, 1000);
    assert_eq!(places.len(), 8);
    drop(places);
    assert_eq!(take(&room, 1000).len(), 8);
}

/// Gives what is written down, then tells the loop to end.
struct Script {
    accepts: Mutex<VecDeque<Result<u8, i32>>>,
    stop: Arc<AtomicBool>,
}

impl Listener for Script {
    type Stream = u8;
    fn accept(&self) -> io::Result<u8> {
        let next = self.accepts.lock().unwrap().pop_front();
        let next = next.unwrap_or_else(|| {
            self.stop.store(true, Ordering::Relaxed);
            Err(libc::EINVAL)
        });
        next.map_err(io::Error::from_raw_os_error)
    }
}

/// Which connections are served, and the pauses in between.
fn served(accepts: &[Result<u8, i32>]) -> (Vec<u8>, Vec<u128>) {
    let stop = Arc::new(AtomicBool::new(false));
    let script = Script {
        accepts: Mutex::new(accepts.iter().copied().collect()),
        stop: Arc::clone(&stop),
    };
    let (mut served, pauses) = (Vec::new(), Mutex::new(Vec::new()));
    Watch::new("script", Arc::new(script), stop).run(
        &Arc::new(Room::holding(100)),
        |stream, _| served.push(stream),
        |length| pauses.lock().unwrap().push(length.as_millis()),
    );
    (served, pauses.into_inner().unwrap())
}

#[test]
fn errors_of_one_connection_hold_up_nobody() {
    let accepts = [Err(libc::ECONNABORTED), Ok(1), Err(libc::EINTR), Ok(2)];
    assert_eq!(served(&accepts), (vec![1, 2], vec![]));
}

#[test]
fn errors_that_stay_do_not_spin() {
    let mut accepts = vec![Err(libc::ENOMEM); 9];
    accepts.push(Ok(1));
    accepts.push(Err(libc::ENOMEM));
    let pauses = vec![10, 20, 40, 80, 160, 320, 640, 1000, 1000, 10];
    assert_eq!(served(&accepts), (vec![1], pauses));
}

#[test]
fn without_descriptors_who_waits_is_taken_by_the_spare_one() {
    // The first accept finds no descriptor, the second has that of the spare.
    let accepts = [Err(libc::EMFILE), Ok(1), Ok(2), Err(libc::ENFILE), Ok(3)];
    assert_eq!(served(&accepts), (vec![1, 2, 3], vec![10, 10]));
}
