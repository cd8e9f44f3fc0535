//! Searches among sessions.

use std::net::IpAddr;

use ipnet::IpNet;
use portvakt_accounting::Session;
use rusqlite::{Connection, ToSql, named_params};

use super::sessions::{COLUMNS, read, with_addresses};
use crate::{SessionQuery, SessionsOf};

/// The sessions that are asked for, newest first.
pub(super) fn find(
    connection: &Connection,
    query: &SessionQuery,
) -> rusqlite::Result<Vec<Session>> {
    let found = match &query.of {
        SessionsOf::Everybody => select(connection, query, "sessions s", "TRUE", &""),
        SessionsOf::Account(account) => select(
            connection,
            query,
            "sessions s",
            "s.account = $of",
            &account.as_str(),
        ),
        SessionsOf::Device(device) => {
            let device = device.to_string();
            select(connection, query, "sessions s", "s.device = $of", &device)
        }
        SessionsOf::Address(address) => of_address(connection, query, *address),
    };
    with_addresses(connection, found?)
}

/// One look-up for each prefix that the address can be in: 129 of an IPv6 address.
fn of_address(
    connection: &Connection,
    query: &SessionQuery,
    address: IpAddr,
) -> rusqlite::Result<Vec<Session>> {
    const TABLES: &str = "session_addresses a JOIN sessions s ON s.id = a.session";
    let mut found: Vec<Session> = Vec::new();
    let mut net = IpNet::from(address.to_canonical());
    loop {
        let text = net.to_string();
        found.extend(select(connection, query, TABLES, "a.address = $of", &text)?);
        match net.supernet() {
            Some(wider) => net = wider,
            None => break,
        }
    }
    found.sort_unstable_by_key(|session| (std::cmp::Reverse(session.started()), session.id));
    found.dedup_by_key(|session| session.id);
    found.truncate(query.limit as usize);
    Ok(found)
}

fn select(
    connection: &Connection,
    query: &SessionQuery,
    tables: &str,
    condition: &str,
    of: &dyn ToSql,
) -> rusqlite::Result<Vec<Session>> {
    let at = query.at.map(|at| at.as_millisecond());
    let lived = "(s.start_ms <= $at AND (s.end_ms IS NULL OR s.end_ms >= $at))";
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM {tables}
         WHERE {condition} AND ($at IS NULL OR {lived}) AND (NOT $live OR s.end_ms IS NULL)
               AND $of IS NOT NULL
         ORDER BY s.start_ms DESC LIMIT $limit"
    ))?;
    let rows = statement.query_map(
        named_params! {"$of": of, "$at": at, "$live": query.live, "$limit": query.limit},
        read,
    )?;
    rows.collect()
}
