//! Searches among sessions.

use std::net::IpAddr;

use ipnet::IpNet;
use portvakt_accounting::Session;

use super::sessions::{COLUMNS, read, with_addresses};
use crate::sql::{Connection, SqlError, Value, rows};
use crate::{SessionQuery, SessionsOf};

/// The sessions that are asked for, newest first.
pub(crate) fn find(
    connection: &mut dyn Connection,
    query: &SessionQuery,
) -> Result<Vec<Session>, SqlError> {
    let found = match &query.of {
        SessionsOf::Everybody => select(connection, query, "sessions s", "TRUE", ""),
        SessionsOf::Account(account) => select(
            connection,
            query,
            "sessions s",
            "s.account = $1",
            account.as_str(),
        ),
        SessionsOf::Device(device) => {
            let device = device.to_string();
            select(connection, query, "sessions s", "s.device = $1", &device)
        }
        SessionsOf::Address(address) => of_address(connection, query, *address),
    };
    with_addresses(connection, found?)
}

/// One look-up for each prefix that the address can be in: 129 of an IPv6 address. Of IPv4 a session has
/// addresses alone, no prefixes (RFC 2865 §5.8).
fn of_address(
    connection: &mut dyn Connection,
    query: &SessionQuery,
    address: IpAddr,
) -> Result<Vec<Session>, SqlError> {
    const TABLES: &str = "session_addresses a JOIN sessions s ON s.id = a.session";
    let mut found: Vec<Session> = Vec::new();
    let address = address.to_canonical();
    let mut net = IpNet::from(address);
    loop {
        let text = net.to_string();
        found.extend(select(connection, query, TABLES, "a.address = $1", &text)?);
        match net.supernet() {
            Some(wider) if address.is_ipv6() => net = wider,
            _ => break,
        }
    }
    found.sort_unstable_by_key(|session| (std::cmp::Reverse(session.started()), session.id));
    found.dedup_by_key(|session| session.id);
    found.truncate(query.limit as usize);
    Ok(found)
}

fn select(
    connection: &mut dyn Connection,
    query: &SessionQuery,
    tables: &str,
    condition: &str,
    of: &str,
) -> Result<Vec<Session>, SqlError> {
    let lived = "(s.start_ms <= CAST($2 AS BIGINT) AND (s.end_ms IS NULL OR s.end_ms >= $2))";
    let sql = format!(
        "SELECT {COLUMNS} FROM {tables}
         WHERE CAST($1 AS TEXT) IS NOT NULL AND {condition}
               AND (CAST($2 AS BIGINT) IS NULL OR {lived})
               AND (CAST($3 AS BIGINT) = 0 OR s.end_ms IS NULL)
         ORDER BY s.start_ms DESC LIMIT $4"
    );
    let values = [
        of.into(),
        Value::time(query.at),
        query.live.into(),
        query.limit.into(),
    ];
    rows(connection, &sql, &values, read)
}
