use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use portvakt_testkit::supplicant::Random;

use super::{Full, PER_DEVICE_AT_MOST, StateToken, Table, Waiting};

const PATIENCE: Duration = Duration::from_secs(30);

fn state(number: u64) -> StateToken {
    u128::from(number).to_be_bytes()
}

/// Tables of numbers, each of which waits under itself.
fn insert(table: &Table<u64>, number: u64, device: Option<u64>, now: Instant) -> Option<u64> {
    let waiting = Waiting {
        item: number,
        device,
        is_early: true,
    };
    table.insert(state(number), waiting, now)
}

fn insert_late(table: &Table<u64>, number: u64, device: u64, now: Instant) -> Option<u64> {
    let waiting = Waiting {
        item: number,
        device: Some(device),
        is_early: false,
    };
    table.insert(state(number), waiting, now)
}

fn take(table: &Table<u64>, number: u64, now: Instant) -> Option<u64> {
    table.take(&state(number), |_| true, now)
}

#[test]
fn what_was_taken_or_is_too_old_or_another_clients_is_not_there() {
    let (table, now) = (Table::new(10, PATIENCE), Instant::now());
    for number in 0..3 {
        assert_eq!(insert(&table, number, None, now), None);
    }
    assert_eq!(table.take(&state(0), |_| false, now), None);
    assert_eq!(take(&table, 0, now), Some(0));
    assert_eq!(take(&table, 0, now), None);
    assert_eq!(take(&table, 1, now + PATIENCE), None);
    assert_eq!(table.len(), 2);
    let mut expired = table.take_expired(now + PATIENCE);
    expired.sort_unstable();
    assert_eq!(expired, [1, 2]);
    assert_eq!(table.len(), 0);
}

#[test]
fn a_device_that_begins_without_end_holds_four_and_the_newest() {
    let (table, now) = (Table::new(100_000, PATIENCE), Instant::now());
    let mut displaced = Vec::new();
    for number in 0..10_000 {
        displaced.extend(insert(&table, number, Some(7), now));
    }
    assert_eq!(table.len(), PER_DEVICE_AT_MOST);
    assert_eq!(displaced, Vec::from_iter(0..10_000 - 4));
    assert_eq!(take(&table, 9_999, now), Some(9_999));
}

/// A device under another's Calling-Station-Id displaces conversations under that alone.
#[test]
fn a_conversation_that_goes_on_outlives_those_that_only_begin() {
    let (table, now) = (Table::new(100_000, PATIENCE), Instant::now());
    let (mut running, mut next) = (0, 1);
    assert_eq!(insert(&table, running, Some(7), now), None);
    for _ in 0..1_000 {
        for _ in 0..PER_DEVICE_AT_MOST - 1 {
            insert(&table, next, Some(7), now);
            next += 1;
        }
        assert_eq!(take(&table, running, now), Some(running));
        running = next;
        next += 1;
        insert(&table, running, Some(7), now);
    }
}

#[test]
fn those_that_have_hardly_begun_give_way_first() {
    let (table, now) = (Table::new(100, PATIENCE), Instant::now());
    insert_late(&table, 0, 7, now);
    for number in 1..4 {
        insert(&table, number, Some(7), now);
    }
    assert_eq!(insert(&table, 4, Some(7), now), Some(1));
    // With none of those left, the longest idle does.
    for number in 5..8 {
        let displaced = insert_late(&table, number, 7, now);
        assert_eq!(displaced, Some(number - 3));
    }
    assert_eq!(insert(&table, 8, Some(7), now), Some(0));
}

#[test]
fn devices_do_not_displace_one_another() {
    let (table, now) = (Table::new(1_000, PATIENCE), Instant::now());
    for number in 0..900 {
        let device = (number % 3 != 0).then_some(number / 6);
        assert_eq!(insert(&table, number, device, now), None);
    }
    assert_eq!(table.len(), 900);
}

#[test]
fn a_full_table_lets_the_longest_idle_beginner_go() {
    let (table, begin) = (Table::new(8, PATIENCE), Instant::now());
    let second = |seconds| begin + Duration::from_secs(seconds);
    insert_late(&table, 0, 9, second(0));
    for number in 1..8 {
        assert_eq!(table.make_room(), Ok(None));
        insert(&table, number, None, second(number));
    }
    assert_eq!(table.make_room(), Err(Full), "nobody looked who may");
    table.note_yielding();
    // Whoever went on in the meantime stays.
    assert_eq!(take(&table, 1, second(9)), Some(1));
    insert(&table, 11, None, second(9));
    assert_eq!(table.make_room(), Ok(Some(2)));
    assert_eq!(table.make_room(), Ok(None), "there is room now");
    insert(&table, 12, None, second(10));
    for expected in 3..8 {
        assert_eq!(table.make_room(), Ok(Some(expected)));
        insert(&table, 10 + expected, None, second(10));
    }
    assert_eq!(table.make_room(), Err(Full), "what proved something stays");
}

#[test]
fn a_table_that_has_room_lets_nobody_go() {
    let (table, now) = (Table::new(100, PATIENCE), Instant::now());
    for number in 0..50 {
        insert(&table, number, None, now);
        table.note_yielding();
        assert_eq!(table.make_room(), Ok(None));
    }
}

/// Any order of what the daemon does: nothing is lost, doubled or beyond its bounds.
#[test]
fn no_order_of_events_loses_or_keeps_too_much() {
    for seed in 0..200 {
        let mut random = Random::new(seed);
        let table = Table::new(40, PATIENCE);
        let mut now = Instant::now();
        let mut waiting: BTreeMap<u64, Option<u64>> = BTreeMap::new();
        for number in 0..400 {
            match random.below(10) {
                0 => now += Duration::from_secs(9),
                1 => {
                    for gone in table.take_expired(now) {
                        assert!(waiting.remove(&gone).is_some());
                    }
                    table.note_yielding();
                }
                2..4 => {
                    let chosen = waiting.keys().nth(random.below(waiting.len().max(1)));
                    if let Some(gone) = chosen.and_then(|number| take(&table, *number, now)) {
                        waiting.remove(&gone);
                    }
                }
                _ => begin(&table, &mut waiting, number, &mut random, now),
            }
            assert_eq!(table.len(), waiting.len(), "seed {seed}");
            assert_eq!(table.slots.len(), waiting.len(), "seed {seed}");
            let listed: usize = table.devices.iter().map(|places| places.len()).sum();
            assert_eq!(listed, waiting.values().flatten().count(), "seed {seed}");
        }
    }
}

fn begin(
    table: &Table<u64>,
    waiting: &mut BTreeMap<u64, Option<u64>>,
    number: u64,
    random: &mut Random,
    now: Instant,
) {
    match table.make_room() {
        Ok(displaced) => {
            assert!(displaced.is_none_or(|gone| waiting.remove(&gone).is_some()));
        }
        Err(Full) => return,
    }
    let device = Some(random.bits() % 6).filter(|device| *device != 0);
    let displaced = insert(table, number, device, now);
    waiting.insert(number, device);
    if let Some(gone) = displaced {
        let of = waiting.remove(&gone);
        assert_eq!(of, Some(device), "another device's gave way");
    }
    assert!(waiting.len() <= 40);
    let mine = waiting.values().filter(|of| **of == device).count();
    assert!(device.is_none() || mine <= PER_DEVICE_AT_MOST);
}
