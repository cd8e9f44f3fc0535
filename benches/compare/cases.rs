//! The cases of the comparison: a row of the table each, with the ratio that it owes.

/// One row.
#[derive(Clone, Copy)]
pub(crate) struct Case {
    /// Its name for `--only`.
    pub(crate) id: &'static str,
    /// Its name in the table.
    pub(crate) title: &'static str,
    /// As `portvakt-load --method` has it.
    pub(crate) method: &'static str,
    /// The version that devices speak.
    pub(crate) tls: &'static str,
    /// Whether the server's key is RSA-2048 and not P-256.
    pub(crate) rsa: bool,
    /// Whether devices come back on their TLS sessions.
    pub(crate) resumed: bool,
    pub(crate) proof: Proof,
    /// The directory of the accounts, if they are not the server's own.
    pub(crate) ldap: Option<Ldap>,
    /// Whether FreeRADIUS puts Message-Authenticator into its answers, as Portvakt always does.
    pub(crate) signed: bool,
    /// Whether FreeRADIUS writes its auth log, as Portvakt always writes its own.
    pub(crate) auth_log: bool,
    /// Whether only Portvakt is measured.
    pub(crate) alone: bool,
    /// The quantity that the ratio is of.
    pub(crate) ratio: Of,
    pub(crate) target: Option<Target>,
}

/// The credential of the users.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Proof {
    Right,
    /// A wrong password each time, of an account that stays open.
    Wrong,
    /// A wrong password, of an account that Portvakt has locked.
    Locked,
}

/// Accounts in slapd.
#[derive(Clone, Copy)]
pub(crate) struct Ldap {
    pub(crate) hash: Hash,
    /// As Portvakt's `directory.NAME.verify` has it: "hash" or "bind".
    pub(crate) ours: &'static str,
    /// The same for FreeRADIUS.
    pub(crate) theirs: &'static str,
    /// Whether Portvakt mirrors the directory.
    pub(crate) mirror: bool,
    pub(crate) whose: Whose,
}

/// The users that log on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    /// Of people who have been there before: Portvakt remembers that their password is right.
    Known,
    /// Each of somebody who has never been there.
    Strangers,
    /// Of people whom Portvakt may not remember.
    Forgotten,
}

/// How slapd keeps passwords.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hash {
    Ssha,
    /// Argon2id, 19 MiB, two passes.
    Argon2,
}

/// A ratio that the row owes.
#[derive(Clone, Copy)]
pub(crate) struct Target {
    pub(crate) at_least: f64,
    pub(crate) goal: f64,
}

/// A ratio's subject; above 1 Portvakt is better.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Of {
    /// CPU time of the server for a log-on.
    Cpu,
    /// Log-ons a second.
    Rate,
}

/// PAP at accounts of one's own.
const PAP: Case = Case {
    id: "pap",
    title: "PAP, remembered proof",
    method: "pap",
    tls: "1.2",
    rsa: false,
    resumed: false,
    proof: Proof::Right,
    ldap: None,
    signed: true,
    auth_log: false,
    alone: false,
    ratio: Of::Cpu,
    target: owes(1.7, 2.3),
};

const TTLS: Case = Case {
    id: "ttls-1.2",
    title: "TTLS/PAP full, TLS 1.2",
    method: "ttls-pap",
    target: owes(1.8, 2.7),
    ..PAP
};

const PEAP: Case = Case {
    id: "peap-1.2",
    title: "PEAP/MSCHAPv2 full, TLS 1.2",
    method: "peap-mschapv2",
    ..TTLS
};

const SLAPD: Ldap = Ldap {
    hash: Hash::Ssha,
    ours: "hash",
    theirs: "hash",
    mirror: true,
    whose: Whose::Known,
};

/// All rows, in the table's order.
pub(crate) const CASES: &[Case] = &[
    Case {
        id: "status",
        title: "Status-Server",
        method: "status",
        signed: false,
        ..PAP
    },
    PAP,
    Case {
        id: "pap-unsigned",
        title: "PAP, FreeRADIUS' answers without Message-Authenticator",
        signed: false,
        ..PAP
    },
    Case {
        id: "pap-logged",
        title: "PAP, auth log on",
        auth_log: true,
        target: None,
        ..PAP
    },
    Case {
        id: "reject-locked",
        title: "PAP reject, account locked",
        proof: Proof::Locked,
        ..PAP
    },
    Case {
        id: "reject-wrong",
        title: "PAP reject, wrong password against {SSHA}",
        proof: Proof::Wrong,
        ..PAP
    },
    Case {
        id: "reject-logged",
        title: "PAP reject, wrong password, auth log on",
        proof: Proof::Wrong,
        auth_log: true,
        target: None,
        ..PAP
    },
    Case {
        id: "mschapv2",
        title: "MS-CHAPv2",
        method: "mschapv2",
        target: owes(2.5, 3.8),
        ..PAP
    },
    Case {
        id: "mschapv2-logged",
        title: "MS-CHAPv2, auth log on",
        method: "mschapv2",
        auth_log: true,
        target: None,
        ..PAP
    },
    Case {
        id: "ldap-hash",
        title: "PAP from slapd, {SSHA} by hash, mirror on",
        ldap: Some(SLAPD),
        target: owes(4.0, 6.0),
        ..PAP
    },
    Case {
        id: "ldap-bind",
        title: "PAP from slapd by bind, mirror on",
        ldap: Some(Ldap {
            ours: "bind",
            theirs: "bind",
            ..SLAPD
        }),
        target: owes(8.0, 11.0),
        ..PAP
    },
    Case {
        id: "ldap-argon2",
        title: "PAP from slapd, Argon2id, everybody known",
        ldap: Some(ARGON2),
        ratio: Of::Rate,
        target: owes(200.0, 1000.0),
        ..PAP
    },
    Case {
        id: "ldap-argon2-first",
        title: "PAP from slapd, Argon2id, everybody's first log-on",
        ldap: Some(Ldap {
            whose: Whose::Strangers,
            ..ARGON2
        }),
        ratio: Of::Rate,
        target: None,
        ..PAP
    },
    TTLS,
    Case {
        id: "ttls-1.2-logged",
        title: "TTLS/PAP full, TLS 1.2, auth log on",
        auth_log: true,
        target: None,
        ..TTLS
    },
    Case {
        id: "ttls-1.3",
        title: "TTLS/PAP full, TLS 1.3",
        tls: "1.3",
        target: owes(1.8, 2.6),
        ..TTLS
    },
    Case {
        id: "ttls-1.2-resumed",
        title: "TTLS/PAP resumed, TLS 1.2",
        resumed: true,
        target: owes(2.0, 3.0),
        ..TTLS
    },
    Case {
        id: "ttls-1.3-resumed",
        title: "TTLS/PAP resumed, TLS 1.3",
        tls: "1.3",
        resumed: true,
        target: owes(2.5, 4.0),
        ..TTLS
    },
    Case {
        id: "ttls-rsa-1.2",
        title: "TTLS/PAP full, RSA-2048, TLS 1.2",
        rsa: true,
        target: owes(1.5, 1.8),
        ..TTLS
    },
    Case {
        id: "ttls-rsa-1.3",
        title: "TTLS/PAP full, RSA-2048, TLS 1.3",
        tls: "1.3",
        rsa: true,
        target: owes(1.5, 1.8),
        ..TTLS
    },
    PEAP,
    Case {
        id: "peap-1.2-resumed",
        title: "PEAP/MSCHAPv2 resumed, TLS 1.2",
        resumed: true,
        target: owes(2.0, 3.0),
        ..PEAP
    },
    Case {
        id: "eap-tls-1.2",
        title: "EAP-TLS full, TLS 1.2, P-256 client, revocation list",
        method: "eap-tls",
        target: owes(1.6, 2.3),
        ..TTLS
    },
    Case {
        id: "own-mirror",
        title: "PAP from slapd: mirror, by hash",
        ldap: Some(SLAPD),
        ..ALONE
    },
    Case {
        id: "own-hash",
        title: "PAP from slapd: no mirror, by hash",
        ldap: Some(Ldap {
            mirror: false,
            ..SLAPD
        }),
        ..ALONE
    },
    Case {
        id: "own-bind",
        title: "PAP from slapd: no mirror, by bind, remembered",
        ldap: Some(Ldap {
            ours: "bind",
            mirror: false,
            ..SLAPD
        }),
        ..ALONE
    },
    Case {
        id: "own-bind-anew",
        title: "PAP from slapd: no mirror, a bind for each log-on",
        ldap: Some(Ldap {
            ours: "bind",
            mirror: false,
            whose: Whose::Forgotten,
            ..SLAPD
        }),
        ..ALONE
    },
];

const ALONE: Case = Case {
    alone: true,
    target: None,
    ..PAP
};

const ARGON2: Ldap = Ldap {
    hash: Hash::Argon2,
    theirs: "bind",
    ..SLAPD
};

const fn owes(at_least: f64, goal: f64) -> Option<Target> {
    Some(Target { at_least, goal })
}

impl Case {
    /// Whether a TLS tunnel is part of it.
    pub(crate) fn is_eap(&self) -> bool {
        self.method.contains('-')
    }

    /// Whether the server compares with NT hashes.
    pub(crate) fn is_ms_chap(&self) -> bool {
        self.method.contains("mschapv2")
    }

    /// Whether those who log on have been there before.
    pub(crate) fn whose(&self) -> Whose {
        self.ldap.map_or(Whose::Known, |ldap| ldap.whose)
    }

    /// Whether passwords take tens of milliseconds to check.
    pub(crate) fn is_slow(&self) -> bool {
        self.ldap.is_some_and(|ldap| ldap.hash == Hash::Argon2)
    }
}
