//! The lines of the admin socket: one JSON line to ask, JSON lines to answer.
//!
//! The text of an import follows its line as so many octets. A new password goes along in clear text,
//! since the server checks it against the policy and the earlier hashes: the socket is this user's
//! alone, and the line is wiped.

use std::io::Read;

use serde::{Deserialize, Serialize};

use crate::accounts::{
    AccountDetails, Accounts, ActError, Actor, Changed, ChangedSessions, CodeAsked, CodeKind,
    CodeRequest, CodeSent, Deleted, DirectoryEntry, Exempted, Explanation, Filter, FoundSessions,
    ImportProgress, ImportRequest, ImportSummary, Imported, KnownPerson, Listing, MessageSwitch,
    Messages, NewPassword, OpenWindow, PasswordSet, Proof, Redemption, RegistryFile,
    RegistryImport, ResetDetails, SessionSearch, SessionSelection, Target, TermPreview, Unlocked,
    WindowOpened, WindowsClosed,
};

/// A request, by the use case it calls.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// [`Accounts::list`].
    List {
        /// Only these accounts.
        filter: Option<Filter>,
        /// At most so many.
        limit: usize,
    },
    /// [`Accounts::show`].
    Show {
        /// Name or alias, with or without realm.
        user: String,
    },
    /// [`Accounts::directory_entries`].
    Raw {
        /// Name or alias, with or without realm.
        user: String,
    },
    /// [`Accounts::explain`].
    Explain {
        /// Name or alias, with or without realm.
        user: String,
        /// The service asked for; those of the clients, where none is given.
        service: Option<String>,
    },
    /// [`Accounts::sessions`].
    Sessions(SessionSearch),
    /// [`Accounts::end_sessions`].
    EndSessions(SessionSelection),
    /// [`Accounts::move_sessions`].
    MoveSessions {
        /// The sessions, and why.
        selection: SessionSelection,
        /// The VLAN, by number or name.
        vlan: String,
    },
    /// [`Accounts::flush_audit`].
    Flush,
    /// [`Accounts::unlock`].
    Unlock(Target),
    /// [`Accounts::suspend`].
    Suspend(Target),
    /// [`Accounts::deactivate`].
    Deactivate(Target),
    /// [`Accounts::restore`].
    Restore(Target),
    /// [`Accounts::set_password`].
    SetPassword {
        /// The account, and why.
        target: Target,
        /// Its new password.
        password: NewPassword,
    },
    /// [`Accounts::request_code`].
    RequestCode(CodeRequest),
    /// [`Accounts::send_code_for`].
    SendCode {
        /// The account, and why.
        target: Target,
        /// The purpose of the code.
        kind: CodeKind,
    },
    /// [`Accounts::open_window`].
    OpenWindow {
        /// The account, and why.
        target: Target,
        /// How the window is opened.
        window: OpenWindow,
    },
    /// [`Accounts::close_windows`].
    CloseWindows(Target),
    /// [`Accounts::reset_details`].
    ShowResets {
        /// Name or alias, with or without realm.
        user: String,
    },
    /// [`Accounts::redeem`].
    Redeem(Redemption),
    /// [`Accounts::explain_to_owner`].
    ExplainToOwner(Proof),
    /// [`Accounts::list_messages`].
    ListMessages {
        /// At most so many.
        limit: u32,
    },
    /// [`Accounts::switch_messages`].
    SwitchMessages(MessageSwitch),
    /// [`Accounts::send_test_message`].
    SendTestMessage {
        /// The mobile number.
        number: String,
    },
    /// [`Accounts::delete`].
    Delete(Target),
    /// [`Accounts::exempt`].
    Exempt {
        /// The account, and why.
        target: Target,
        /// The last day; `None` ends the exemption.
        until: Option<jiff::civil::Date>,
    },
    /// [`Accounts::import`]; the LDIF follows.
    Import(ImportRequest),
    /// [`Accounts::import_registry`]; the file follows.
    ImportRegistry(RegistryFile),
    /// [`Accounts::approve_registry`].
    ApproveRegistry {
        /// SHA-256 of the file, hexadecimal.
        digest: String,
    },
    /// [`Accounts::undo_registry`].
    UndoRegistry {
        /// The number of the import.
        import: i64,
        /// The actor's reason.
        why: String,
    },
    /// [`Accounts::registry_imports`].
    RegistryImports {
        /// At most so many.
        limit: u32,
    },
    /// [`Accounts::known_person`].
    KnownPerson {
        /// User name, or the person's key.
        name: String,
    },
    /// [`Accounts::preview_terms`].
    PreviewTerms,
}

/// An answer; only [`Response::Progress`] is followed by another.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub enum Response {
    /// Nothing changed, and why.
    Failed(ActError),
    /// The other end may not ask.
    NotPermitted,
    /// The request could not be read; most likely the two ends are of different versions.
    NotUnderstood {
        /// The reader's own account of it.
        detail: String,
    },
    /// Accounts.
    Accounts(Listing),
    /// One account.
    Account(AccountDetails),
    /// Entries of the directory.
    Entries {
        /// One, if all is well.
        entries: Vec<DirectoryEntry>,
    },
    /// The state of one account.
    Explanation(Box<Explanation>),
    /// Sessions.
    Sessions(FoundSessions),
    /// Sessions that were to end, or to be moved.
    ChangedSessions(ChangedSessions),
    /// The audit log has every attempt so far.
    Flushed,
    /// A lock was ended.
    Unlocked(Unlocked),
    /// An account was closed or opened.
    Changed(Changed),
    /// A password was replaced.
    PasswordSet(PasswordSet),
    /// A request for a code was taken.
    CodeAsked(CodeAsked),
    /// A code was handed over, or not.
    CodeSent(CodeSent),
    /// A window was opened.
    WindowOpened(WindowOpened),
    /// Windows and codes were closed.
    WindowsClosed(WindowsClosed),
    /// Windows, codes and messages of an account.
    Resets(ResetDetails),
    /// Messages.
    Messages(Messages),
    /// Messages were switched off or on.
    MessagesSwitched(MessageSwitch),
    /// A test message was handed over.
    TestMessageSent {
        /// What the gateway made of it.
        outcome: String,
    },
    /// An account was removed.
    Deleted(Deleted),
    /// An import is under way.
    Progress(ImportProgress),
    /// An import has ended.
    Imported(Box<Imported>),
    /// An exemption was made or ended.
    Exempted(Exempted),
    /// A file of the registry was taken, held back or only judged.
    RegistryImported(Box<RegistryImport>),
    /// An import was undone.
    RegistryUndone {
        /// Its number.
        import: i64,
    },
    /// Imports.
    RegistryImports {
        /// Newest first.
        imports: Vec<ImportSummary>,
    },
    /// One person.
    KnownPerson(Box<KnownPerson>),
    /// Who will be locked.
    TermPreview(TermPreview),
}

/// Calls the use case of `request` for `actor`. `body` is the text of an import.
pub fn handle(
    accounts: &Accounts,
    actor: &Actor,
    request: Request,
    body: &mut dyn Read,
    progress: &mut dyn FnMut(Response),
) -> Response {
    let done = match request {
        Request::List { filter, limit } => accounts.list(filter, limit).map(Response::Accounts),
        Request::Show { user } => accounts.show(&user).map(Response::Account),
        Request::Raw { user } => {
            let entries = accounts.directory_entries(&user);
            entries.map(|entries| Response::Entries { entries })
        }
        Request::Explain { user, service } => {
            let explanation = accounts.explain(&user, service.as_deref());
            explanation.map(|explanation| Response::Explanation(Box::new(explanation)))
        }
        Request::Sessions(search) => accounts.sessions(&search).map(Response::Sessions),
        Request::EndSessions(wanted) => {
            let ended = accounts.end_sessions(actor, &wanted);
            ended.map(Response::ChangedSessions)
        }
        Request::MoveSessions { selection, vlan } => {
            let moved = accounts.move_sessions(actor, &selection, &vlan);
            moved.map(Response::ChangedSessions)
        }
        Request::Flush => accounts.flush_audit().map(|()| Response::Flushed),
        Request::Unlock(target) => accounts.unlock(actor, &target).map(Response::Unlocked),
        Request::Suspend(target) => accounts.suspend(actor, &target).map(Response::Changed),
        Request::Deactivate(target) => accounts.deactivate(actor, &target).map(Response::Changed),
        Request::Restore(target) => accounts.restore(actor, &target).map(Response::Changed),
        Request::SetPassword { target, password } => {
            let set = accounts.set_password(actor, &target, &password);
            set.map(Response::PasswordSet)
        }
        Request::RequestCode(request) => accounts
            .request_code(actor, request)
            .map(Response::CodeAsked),
        Request::SendCode { target, kind } => accounts
            .send_code_for(actor, &target, kind)
            .map(Response::CodeSent),
        Request::OpenWindow { target, window } => {
            let opened = accounts.open_window(actor, &target, &window);
            opened.map(Response::WindowOpened)
        }
        Request::CloseWindows(target) => accounts
            .close_windows(actor, &target)
            .map(Response::WindowsClosed),
        Request::ShowResets { user } => accounts.reset_details(&user).map(Response::Resets),
        Request::Redeem(redemption) => accounts
            .redeem(actor, &redemption)
            .map(Response::PasswordSet),
        Request::ExplainToOwner(proof) => {
            let explanation = accounts.explain_to_owner(actor, &proof);
            explanation.map(|explanation| Response::Explanation(Box::new(explanation)))
        }
        Request::ListMessages { limit } => accounts.list_messages(limit).map(Response::Messages),
        Request::SwitchMessages(switch) => accounts
            .switch_messages(actor, &switch)
            .map(Response::MessagesSwitched),
        Request::SendTestMessage { number } => {
            let sent = accounts.send_test_message(actor, &number);
            sent.map(|outcome| Response::TestMessageSent { outcome })
        }
        Request::Delete(target) => accounts.delete(actor, &target).map(Response::Deleted),
        Request::Exempt { target, until } => accounts
            .exempt(actor, &target, until)
            .map(Response::Exempted),
        Request::ImportRegistry(file) => accounts
            .import_registry(actor, &file, body)
            .map(|imported| Response::RegistryImported(Box::new(imported))),
        Request::ApproveRegistry { digest } => accounts
            .approve_registry(actor, &digest)
            .map(|imported| Response::RegistryImported(Box::new(imported))),
        Request::UndoRegistry { import, why } => accounts
            .undo_registry(actor, import, &why)
            .map(|()| Response::RegistryUndone { import }),
        Request::RegistryImports { limit } => accounts
            .registry_imports(limit)
            .map(|imports| Response::RegistryImports { imports }),
        Request::KnownPerson { name } => accounts
            .known_person(&name)
            .map(|person| Response::KnownPerson(Box::new(person))),
        Request::PreviewTerms => accounts.preview_terms().map(Response::TermPreview),
        Request::Import(request) => {
            let mut tell = |told| progress(Response::Progress(told));
            let imported = accounts.import(actor, &request, body, &mut tell);
            imported.map(|imported| Response::Imported(Box::new(imported)))
        }
    };
    done.unwrap_or_else(Response::Failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(response: &Response) -> String {
        serde_json::to_string(response).unwrap()
    }

    #[test]
    fn errors_have_stable_codes_beside_their_facts() {
        let name = "nobody".to_owned();
        for (error, expected) in [
            (
                ActError::UnknownAccount { name },
                r#"{"answer":"failed","error":"unknown-account","name":"nobody"}"#,
            ),
            (
                ActError::ChangedMeanwhile,
                r#"{"answer":"failed","error":"changed-meanwhile"}"#,
            ),
            (
                ActError::MalformedName {
                    user: " ".to_owned(),
                    cause: portvakt_auth::name::RealmError::NoDot.into(),
                },
                r#"{"answer":"failed","error":"malformed-name","user":" ","cause":{"realm":"no-dot"}}"#,
            ),
        ] {
            let response = Response::Failed(error.clone());
            assert_eq!(line(&response), expected);
            let Response::Failed(read) = serde_json::from_str(expected).unwrap() else {
                panic!("{expected}");
            };
            assert_eq!(read, error);
        }
    }

    #[test]
    fn requests_are_one_object_with_their_act() {
        let target = Target {
            user: "anna".to_owned(),
            why: "came to the desk".to_owned(),
        };
        let expected = r#"{"act":"unlock","user":"anna","why":"came to the desk"}"#;
        assert_eq!(
            serde_json::to_string(&Request::Unlock(target)).unwrap(),
            expected
        );
        let read: Request = serde_json::from_str(expected).unwrap();
        assert!(matches!(read, Request::Unlock(target) if target.user == "anna"));
    }
}
