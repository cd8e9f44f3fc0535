//! Connections over which passwords are checked: a bind changes who a whole connection is, so each
//! has one at a time, and no question ever goes over them.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ldap3::Ldap;
use ldap3::controls::RawControl;
use ldap3::result::LdapResult;
use tokio::sync::Semaphore;

use crate::connection::connector::{Connection, Connector};
use crate::connection::failure::Failure;
use crate::connection::screen::Faults;
use crate::schema::password_policy;

/// A bounded pool. Connections are made when they are needed.
pub(crate) struct BindPool {
    places: Semaphore,
    idle: Mutex<Vec<Idle>>,
    /// Servers and firewalls end connections that are idle for long.
    fresh_for: Duration,
}

struct Idle {
    ldap: Ldap,
    faults: Faults,
    since: Instant,
}

impl BindPool {
    pub(crate) fn new(connections: usize, fresh_for: Duration) -> Self {
        Self {
            places: Semaphore::new(connections),
            idle: Mutex::default(),
            fresh_for,
        }
    }

    /// One simple bind with the password policy control, answered. `password` must not be empty.
    ///
    /// Dropped in the middle, the connection goes with it.
    pub(crate) async fn bind(
        &self,
        connector: &Connector,
        entry: &str,
        password: &str,
    ) -> Result<LdapResult, Failure> {
        let _place = self.places.acquire().await.map_err(|_| Failure::Timeout)?;
        if let Some((ldap, faults)) = self.take_idle() {
            match self.bind_over(ldap, faults, entry, password).await {
                // The server may have ended it while it was idle.
                Err(Failure::Broken(_)) => {}
                answered => return answered,
            }
        }
        let Connection { ldap, faults, .. } = connector.connect_as_nobody().await?;
        self.bind_over(ldap, faults, entry, password).await
    }

    async fn bind_over(
        &self,
        mut ldap: Ldap,
        faults: Faults,
        entry: &str,
        password: &str,
    ) -> Result<LdapResult, Failure> {
        let policy = RawControl {
            ctype: password_policy::CONTROL.to_owned(),
            crit: false,
            val: None,
        };
        let bound = ldap
            .with_controls(vec![policy])
            .simple_bind(entry, password)
            .await;
        let result = bound.map_err(|error| faults.explain(error.into()))?;
        self.idle().push(Idle {
            ldap,
            faults,
            since: Instant::now(),
        });
        match Failure::of_server(&result) {
            Some(failure) => Err(failure),
            None => Ok(result),
        }
    }

    /// The one that was used last, so that the others grow old and are ended.
    fn take_idle(&self) -> Option<(Ldap, Faults)> {
        let mut idle = self.idle();
        idle.retain(|idle| idle.since.elapsed() < self.fresh_for);
        while let Some(mut last) = idle.pop() {
            if !last.ldap.is_closed() {
                return Some((last.ldap, last.faults));
            }
        }
        None
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
