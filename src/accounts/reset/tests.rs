//! Codes, windows and their abuse, over a store on disk and the outbox; the clock is moved on by hand.
//! The numbers PA1 … are those of `docs/passwords.md`.

use std::sync::{Arc, Barrier};
use std::time::Duration;

use jiff::Timestamp;
use portvakt_auth::password::{Argon2Cost, HashMemory, UnfitPassword};
use portvakt_auth::{Account, AccountId, Kind, Password, PasswordHash, PasswordKind, Refusal};
use portvakt_resets::{MessageState, OpeningKind};
use portvakt_store::{AccountStore as _, DataFolder, SqliteStore, Store as _};
use tempfile::TempDir;
use zeroize::Zeroizing;

use super::*;
use crate::accounts::{Accounts, ActError, Actor, Channel, ClearPassword, Role, Target};
use crate::config::Config;
use crate::state::State;

const OLD: &str = "den gamle er grei nok";
const NEW: &str = "mose, kvist og bark";
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);

/// Three people: kari and ola with numbers of their own, nils with none.
struct World {
    accounts: Accounts,
    state: Arc<State>,
    folder: TempDir,
}

fn person(name: &str, mobile: Option<&str>) -> Account {
    let cost = Argon2Cost::new(8, 1, 1).unwrap();
    let mut memory = HashMemory::new();
    let hash = PasswordHash::hash_new(OLD.as_bytes(), [3; 16], cost, &mut memory).unwrap();
    let mut account = Account {
        mobile: mobile.map(str::to_owned),
        ..Account::new(AccountId::new(name).unwrap(), Kind::Employee)
    };
    account.set_password(Password {
        hash,
        changed_at: Timestamp::now(),
        kind: PasswordKind::Permanent,
    });
    account
}

fn actor() -> Actor {
    Actor {
        who: "desk".to_owned(),
        role: Role::Administrator,
        channel: Channel::Offline,
    }
}

fn target(user: &str) -> Target {
    Target {
        user: user.to_owned(),
        why: "came to the desk".to_owned(),
    }
}

fn clear(text: &str) -> ClearPassword {
    ClearPassword(Zeroizing::new(text.to_owned()))
}

impl World {
    fn new(more: &str) -> World {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("pepper"), "sixteen octets at least").unwrap();
        let text = format!(
            r#"
data = "data"
realms = ["campus.example"]
[passwords]
argon2-memory = "7MiB"
argon2-iterations = 1
[[listen]]
address = "127.0.0.1:0"
[[client]]
name = "test"
net = "127.0.0.0/8"
secret = "a-secret-between-tests"
methods = ["pap"]
[resets]
pin = true
pin-pepper-file = "pepper"
{more}
"#
        );
        let file = folder.path().join("portvakt.toml");
        std::fs::write(&file, text).unwrap();
        let config = Config::load_file(&file, Timestamp::now()).unwrap().0;
        let store = SqliteStore::open(DataFolder::take(&config.data).unwrap(), None).unwrap();
        let people = [
            person("kari", Some("91234567")),
            person("ola", Some("41234567")),
            person("nils", None),
        ];
        store.put_accounts(&people.map(Arc::new)).unwrap();
        store.close();
        drop(store);
        let state = State::open(&config).unwrap();
        World {
            accounts: Accounts::new(Arc::clone(&state)),
            state,
            folder,
        }
    }

    fn skip(&self, time: Duration) {
        self.state.clock.skip(time);
    }

    fn account(&self, name: &str) -> Arc<Account> {
        self.accounts.find(name).unwrap()
    }

    fn send(&self, name: &str) -> Result<CodeSent, ActError> {
        self.accounts
            .send_code_for(&actor(), &target(name), CodeKind::TemporaryPassword)
    }

    /// Texts in the outbox.
    fn outbox(&self) -> Vec<String> {
        let Ok(folder) = std::fs::read_dir(self.folder.path().join("data/outbox")) else {
            return Vec::new();
        };
        let read = |entry: std::io::Result<std::fs::DirEntry>| {
            std::fs::read_to_string(entry.unwrap().path()).unwrap()
        };
        folder.map(read).collect()
    }

    /// Sends a code and returns it, as the receiver reads it.
    fn code(&self, name: &str, kind: CodeKind) -> String {
        let before = self.outbox();
        self.accounts
            .send_code_for(&actor(), &target(name), kind)
            .unwrap();
        let mut texts = self.outbox().into_iter();
        let text = texts.find(|text| !before.contains(text)).unwrap();
        let is_code = |word: &&str| word.len() == 16 && word.ends_with('.') && word.contains('-');
        let code = text.split_whitespace().find(is_code).unwrap();
        code.trim_end_matches('.').to_owned()
    }

    fn temporary(&self, name: &str) -> String {
        self.code(name, CodeKind::TemporaryPassword)
    }

    fn redeem_with(
        &self,
        name: &str,
        code: &str,
        new: &str,
        by_support: bool,
    ) -> Result<(), ActError> {
        let redemption = Redemption {
            name: name.to_owned(),
            code: clear(code),
            new_password: clear(new),
            by_support,
        };
        self.accounts.redeem(&actor(), &redemption).map(drop)
    }

    fn redeem(&self, name: &str, code: &str) -> Result<(), ActError> {
        self.redeem_with(name, code, NEW, false)
    }

    fn window(&self, name: &str, pin: Option<&str>) -> Result<WindowOpened, ActError> {
        let window = OpenWindow {
            pin: pin.map(clear),
            ..OpenWindow::default()
        };
        self.accounts.open_window(&actor(), &target(name), &window)
    }

    fn tries_left(&self, name: &str) -> u8 {
        let id = AccountId::new(name).unwrap();
        let opening = self.state.store.opening(&id, OpeningKind::Message).unwrap();
        opening.unwrap().tries_left
    }

    fn has_password(&self, name: &str, text: &str) -> bool {
        let account = self.account(name);
        let hash = &account.password.as_ref().unwrap().hash;
        hash.is_of_imported(text.as_bytes(), &mut HashMemory::new())
            .unwrap()
    }
}

#[test]
fn code_to_the_mobile_leads_to_a_new_password_and_the_old_one_is_good_until_then() {
    let world = World::new("");
    let sent = world.send("kari").unwrap();
    assert_eq!(
        (sent.number.as_str(), sent.state),
        ("+47 9xx xx x67", MessageState::HandedOver)
    );
    let text = world.outbox().remove(0);
    assert!(
        text.contains("To: +4791234567") && !text.contains("kari"),
        "{text}"
    );
    world.skip(MINUTE);
    let code = world.temporary("kari");
    assert!(world.has_password("kari", OLD));
    world.redeem("kari", &code).unwrap();
    assert!(world.has_password("kari", NEW));
    let (kind, _) = world.account("kari").password_age().unwrap();
    assert_eq!(kind, PasswordKind::Permanent);
}

/// PA1: the answer says nothing of the name, and nobody is looked up for it.
#[test]
fn request_for_any_name_gets_the_same_answer() {
    let world = World::new("");
    world.accounts.suspend(&actor(), &target("ola")).unwrap();
    for name in [
        "kari",
        "ola",
        "nils",
        "nobody",
        "not a name at all",
        "x@elsewhere.example",
    ] {
        let request = CodeRequest {
            name: name.to_owned(),
            kind: CodeKind::TemporaryPassword,
            source: Some("192.0.2.7".parse().unwrap()),
        };
        let asked = world.accounts.request_code(&actor(), request);
        assert_eq!(asked, Ok(CodeAsked { available: true }), "{name}");
    }
    assert!(world.outbox().is_empty());
    while let Some(request) = world.state.reset_requests.next(Duration::ZERO) {
        world.accounts.work_on_request(&request);
    }
    assert_eq!(world.outbox().len(), 1);
}

/// PA1: a wrong code, no code and no account are refused alike.
#[test]
fn redemption_without_a_right_code_is_refused_alike() {
    let world = World::new("");
    world.temporary("kari");
    for name in ["kari", "ola", "nobody", "not a name", ""] {
        for code in ["0000-0000-00000", "1234", "", "hei"] {
            assert_eq!(
                world.redeem(name, code),
                Err(ActError::CodeRefused),
                "{name} {code}"
            );
        }
    }
    // Four of the refusals had something to compare with.
    assert_eq!(world.tries_left("kari"), 1);
}

/// PA2
#[test]
fn account_gets_no_more_messages_than_its_budget() {
    let world = World::new("");
    world.send("kari").unwrap();
    let refused = world.send("kari").unwrap_err();
    assert!(
        matches!(&refused, ActError::NotSent { detail } if detail.contains("budget of the account"))
    );
    for _ in 0..10 {
        world.skip(30 * MINUTE);
        let _ = world.send("kari");
    }
    assert_eq!(world.outbox().len(), 5);
}

/// PA3
#[test]
fn switched_off_messages_go_to_nobody_and_the_answer_says_so_to_all() {
    let world = World::new("");
    let switch = |on| MessageSwitch {
        on,
        why: "somebody is pumping".to_owned(),
    };
    world
        .accounts
        .switch_messages(&actor(), &switch(false))
        .unwrap();
    for name in ["kari", "nobody"] {
        let request = CodeRequest {
            name: name.to_owned(),
            kind: CodeKind::Proof,
            source: None,
        };
        let asked = world.accounts.request_code(&actor(), request).unwrap();
        assert!(!asked.available, "{name}");
    }
    assert!(matches!(world.send("kari"), Err(ActError::NotSent { .. })));
    assert_eq!(
        world.accounts.list_messages(10).unwrap().off_by.as_deref(),
        Some("desk")
    );
    world
        .accounts
        .switch_messages(&actor(), &switch(true))
        .unwrap();
    assert!(world.send("kari").is_ok());
}

/// PA4
#[test]
fn number_changed_lately_gets_no_code_even_if_nobody_asked_before() {
    let world = World::new("");
    assert_eq!(world.accounts.note_numbers().unwrap(), 2);
    let change = |account: Option<&Account>| {
        Some(Account {
            mobile: Some("99999999".to_owned()),
            ..account?.clone()
        })
    };
    let id = AccountId::new("kari").unwrap();
    let kari = world.account("kari");
    let changed = world
        .accounts
        .write(&kari, |writer| writer.apply(vec![(id, Box::new(change))]));
    changed.unwrap();
    assert_eq!(world.accounts.note_numbers().unwrap(), 1);
    let refused = world.send("kari").unwrap_err();
    assert!(matches!(&refused, ActError::NotSent { detail } if detail.contains("changed lately")));
    world.skip(7 * 24 * HOUR);
    assert!(world.send("kari").is_ok());
}

/// PA5: five tries in all, and none of them on the account's lock.
#[test]
fn guessing_voids_the_code_and_locks_nobody() {
    let world = World::new("");
    let code = world.temporary("kari");
    for _ in 0..5 {
        assert_eq!(
            world.redeem("kari", "0000-0000-00000"),
            Err(ActError::CodeRefused)
        );
    }
    assert_eq!(world.redeem("kari", &code), Err(ActError::CodeRefused));
    let id = AccountId::new("kari").unwrap();
    assert!(
        world
            .state
            .store
            .restore_locks(world.state.clock.now())
            .unwrap()
            .is_empty()
    );
    assert!(world.state.locks.unlock(&id).is_none());
    assert!(world.has_password("kari", OLD));
}

/// PA6: replay, and twice at the same moment.
#[test]
fn code_is_good_once_also_for_two_at_the_same_moment() {
    let world = World::new("");
    let code = world.temporary("kari");
    let barrier = Barrier::new(2);
    let redeem = |new: &str| {
        barrier.wait();
        world.redeem_with("kari", &code, new, false)
    };
    let outcomes = std::thread::scope(|scope| {
        let other = scope.spawn(|| redeem("en helt annen setning"));
        [redeem(NEW), other.join().unwrap()]
    });
    assert_eq!(
        outcomes.iter().filter(|outcome| outcome.is_ok()).count(),
        1,
        "{outcomes:?}"
    );
    assert_eq!(world.redeem("kari", &code), Err(ActError::CodeRefused));
}

/// PA6: two requests at the same moment send one message.
#[test]
fn two_requests_at_once_send_one_message() {
    let world = World::new("");
    let barrier = Barrier::new(2);
    let send = || {
        barrier.wait();
        world.send("kari")
    };
    let outcomes = std::thread::scope(|scope| {
        let other = scope.spawn(send);
        [send(), other.join().unwrap()]
    });
    assert_eq!(
        outcomes.iter().filter(|outcome| outcome.is_ok()).count(),
        1,
        "{outcomes:?}"
    );
    assert_eq!(world.outbox().len(), 1);
}

/// PA7
#[test]
fn code_of_one_account_opens_no_other() {
    let world = World::new("");
    let code = world.temporary("kari");
    world.temporary("ola");
    assert_eq!(world.redeem("ola", &code), Err(ActError::CodeRefused));
    assert!(world.redeem("kari", &code).is_ok());
}

/// PA8
#[test]
fn closed_account_gets_no_code_and_one_sent_before_opens_nothing() {
    for close in [Accounts::suspend, Accounts::deactivate] {
        let world = World::new("");
        let code = world.temporary("kari");
        let window = world.window("kari", None).unwrap();
        close(&world.accounts, &actor(), &target("kari")).unwrap();
        assert_eq!(world.redeem("kari", &code), Err(ActError::CodeRefused));
        let by_window = world.redeem_with("kari", &window.code.0, NEW, true);
        assert_eq!(by_window, Err(ActError::CodeRefused));
        world.skip(HOUR);
        assert!(matches!(world.send("kari"), Err(ActError::NotSent { .. })));
        assert!(matches!(
            world.window("kari", None),
            Err(ActError::AccountClosed { .. })
        ));
        let request = CodeRequest {
            name: "kari".to_owned(),
            kind: CodeKind::TemporaryPassword,
            source: None,
        };
        let asked = world.accounts.request_code(&actor(), request).unwrap();
        assert!(asked.available);
        assert_eq!(world.outbox().len(), 1);
    }
}

/// PA9
#[test]
fn changed_password_voids_every_code() {
    let world = World::new("");
    let (code, window) = (world.temporary("kari"), world.window("kari", None).unwrap());
    let new = crate::accounts::NewPassword {
        text: clear("satt av noen andre her"),
        temporary: false,
    };
    world
        .accounts
        .set_password(&actor(), &target("kari"), &new)
        .unwrap();
    assert_eq!(world.redeem("kari", &code), Err(ActError::CodeRefused));
    let by_window = world.redeem_with("kari", &window.code.0, NEW, true);
    assert_eq!(by_window, Err(ActError::CodeRefused));
}

/// PA10
#[test]
fn newest_code_is_the_only_one() {
    let world = World::new("");
    let first = world.temporary("kari");
    world.skip(MINUTE);
    let second = world.temporary("kari");
    assert_eq!(world.redeem("kari", &first), Err(ActError::CodeRefused));
    assert!(world.redeem("kari", &second).is_ok());
}

/// PA11
#[test]
fn code_is_good_for_eight_hours() {
    for (hours, is_good) in [
        (Duration::from_secs(8 * 60 * 60 - 60), true),
        (8 * HOUR, false),
    ] {
        let world = World::new("");
        let code = world.temporary("kari");
        world.skip(hours);
        assert_eq!(world.redeem("kari", &code).is_ok(), is_good, "{hours:?}");
    }
}

#[test]
fn unfit_password_is_told_to_the_owner_of_the_code_alone_and_costs_no_try() {
    let world = World::new("");
    let code = world.temporary("kari");
    for _ in 0..7 {
        let unfit = world.redeem_with("kari", &code, OLD, false);
        assert_eq!(unfit, Err(ActError::UnfitPassword(UnfitPassword::Same)));
    }
    let without = world.redeem_with("kari", "0000-0000-00000", "kort", false);
    assert_eq!(without, Err(ActError::CodeRefused));
    assert_eq!(world.tries_left("kari"), 4);
    assert!(world.redeem("kari", &code).is_ok());
}

/// PA12: a PIN is good within a window, five times in all; its zeros count.
#[test]
fn pin_opens_the_window_it_was_given_for_and_nothing_else() {
    let world = World::new("");
    let by_pin = |pin| world.redeem_with("kari", pin, NEW, true);
    assert_eq!(by_pin("0042"), Err(ActError::CodeRefused));
    world.window("kari", Some("0042")).unwrap();
    assert_eq!(by_pin("4200"), Err(ActError::CodeRefused));
    // Not on the page of messages.
    assert_eq!(world.redeem("kari", "0042"), Err(ActError::CodeRefused));
    assert_eq!(by_pin("00 42"), Ok(()));
    world.window("ola", None).unwrap();
    assert_eq!(
        world.redeem_with("ola", "0042", NEW, true),
        Err(ActError::CodeRefused)
    );
}

/// PA12
#[test]
fn five_wrong_pins_close_the_window() {
    let world = World::new("");
    let window = world.window("kari", Some("0042")).unwrap();
    for pin in ["0000", "1111", "2222", "3333", "4444"] {
        assert_eq!(
            world.redeem_with("kari", pin, NEW, true),
            Err(ActError::CodeRefused)
        );
    }
    for right in ["0042", &window.code.0] {
        assert_eq!(
            world.redeem_with("kari", right, NEW, true),
            Err(ActError::CodeRefused)
        );
    }
}

/// PA13: 1234 across all accounts.
#[test]
fn twenty_wrong_pins_in_a_minute_stop_all_of_them() {
    let world = World::new("");
    world.window("kari", Some("0042")).unwrap();
    for number in 0..20 {
        let refused = world.redeem_with(&format!("s{number}"), "1234", NEW, true);
        assert_eq!(refused, Err(ActError::CodeRefused));
    }
    for name in ["kari", "nobody"] {
        let refused = world.redeem_with(name, "0042", NEW, true);
        assert_eq!(refused, Err(ActError::TooManyTries), "{name}");
    }
    world.skip(MINUTE);
    assert!(world.redeem_with("kari", "0042", NEW, true).is_ok());
}

#[test]
fn account_has_three_windows_a_month_unless_somebody_insists() {
    let world = World::new("");
    for _ in 0..3 {
        world.window("kari", None).unwrap();
    }
    let fourth = world.window("kari", None).map(drop);
    assert_eq!(fourth, Err(ActError::TooManyWindows { most: 3 }));
    let insisting = OpenWindow {
        beyond_limit: true,
        ..OpenWindow::default()
    };
    assert!(
        world
            .accounts
            .open_window(&actor(), &target("kari"), &insisting)
            .is_ok()
    );
    world.skip(32 * 24 * HOUR);
    assert!(world.window("kari", None).is_ok());
}

#[test]
fn closed_window_opens_nothing() {
    let world = World::new("");
    let window = world.window("kari", None).unwrap();
    let code = world.temporary("kari");
    let closed = world
        .accounts
        .close_windows(&actor(), &target("kari"))
        .unwrap();
    assert_eq!(closed.closed, 2);
    assert_eq!(world.redeem("kari", &code), Err(ActError::CodeRefused));
    let by_window = world.redeem_with("kari", &window.code.0, NEW, true);
    assert_eq!(by_window, Err(ActError::CodeRefused));
}

#[test]
fn window_is_of_a_length_that_makes_sense_and_pins_have_four_digits() {
    let world = World::new("");
    for minutes in [0, 9, 72 * 60 + 1, u64::MAX / 60] {
        let window = OpenWindow {
            valid: Some(Duration::from_secs(minutes * 60)),
            ..OpenWindow::default()
        };
        let refused = world
            .accounts
            .open_window(&actor(), &target("kari"), &window);
        assert_eq!(refused.map(drop), Err(ActError::WindowLength));
    }
    assert_eq!(
        world.window("kari", Some("12")).map(drop),
        Err(ActError::MalformedPin)
    );
}

/// PA14: a locked owner reads why, and can do nothing else with that code.
#[test]
fn code_to_the_mobile_shows_a_locked_owner_the_state_and_changes_nothing() {
    let world = World::new("");
    let code = world.code("kari", CodeKind::Proof);
    assert_eq!(world.redeem("kari", &code), Err(ActError::CodeRefused));
    let proof = |code: &str| Proof {
        name: "kari".to_owned(),
        code: clear(code),
    };
    let wrong = world
        .accounts
        .explain_to_owner(&actor(), &proof("0000-0000-00000"));
    assert_eq!(wrong.map(drop), Err(ActError::CodeRefused));
    assert!(
        world
            .accounts
            .explain_to_owner(&actor(), &proof(&code))
            .is_ok()
    );
    let again = world.accounts.explain_to_owner(&actor(), &proof(&code));
    assert_eq!(again.map(drop), Err(ActError::CodeRefused));
    assert!(world.has_password("kari", OLD));
}

#[test]
fn account_without_a_number_gets_none_and_support_is_told_why() {
    let world = World::new("");
    let refused = world.send("nils").unwrap_err();
    assert!(
        matches!(&refused, ActError::NotSent { detail } if detail.contains("no mobile number"))
    );
    let details = world.accounts.reset_details("nils").unwrap();
    assert_eq!(details.number, None);
    assert!(details.no_message.is_some());
    world.temporary("kari");
    let details = world.accounts.reset_details("kari").unwrap();
    assert_eq!(details.number.as_deref(), Some("+47 9xx xx x67"));
    assert_eq!((details.openings.len(), details.messages.len()), (1, 1));
    assert!(details.openings[0].is_open);
    let shown = serde_json::to_string(&details).unwrap();
    assert!(
        !shown.contains("argon2") && !shown.contains("91234567"),
        "{shown}"
    );
}

/// A gateway that is not there: the code is stored, nothing went out, and the breaker pauses.
#[test]
fn gateway_that_is_down_is_told_to_support_and_paused_after_five_failures() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    drop(taken);
    let world = World::new(&format!(
        r#"
[sms]
send-by = "campus"
budget-per-account = ["100/1h"]
budget-per-number = ["100/1h"]
[sms.gateway.campus]
url = "http://127.0.0.1:{port}/send"
fields = {{ to = "{{number}}", text = "{{text}}" }}
"#
    ));
    for _ in 0..5 {
        let sent = world.send("kari").unwrap();
        assert_eq!(sent.state, MessageState::Refused);
        assert_eq!(sent.fault.as_deref(), Some("transient"));
    }
    assert!(matches!(world.send("kari"), Err(ActError::NotSent { .. })));
    let listed = world.accounts.list_messages(10).unwrap();
    assert_eq!(
        (listed.gateway.as_str(), listed.messages.len()),
        ("campus", 5)
    );
    assert!(listed.breaker.is_some());
    world.skip(MINUTE);
    assert!(world.send("kari").is_ok());
}

#[test]
fn refusals_of_closed_accounts_name_their_reason_to_support() {
    let world = World::new("");
    world.accounts.suspend(&actor(), &target("kari")).unwrap();
    let refused = world.window("kari", None).map(drop);
    let refusal = Refusal::Suspended;
    assert_eq!(refused, Err(ActError::AccountClosed { refusal }));
}
