//! Real peers: eapol_test as a device behind an access point, radclient as a VPN concentrator.

mod common;

use common::{EapolTest, Setup};

#[test]
fn peer_ttls_pap_logs_on_under_tls_1_2() {
    let daemon = Setup::new().start();
    let run = EapolTest::ttls_pap("anna", "correct-horse-battery")
        .tls12()
        .run(&daemon);
    assert!(run.is_accept(), "{}", run.output);
    assert_eq!(run.tls_version(), Some("TLSv1.2"));
    println!("{} {}", run.round_trips(), daemon.metrics());
    println!("{:?}", daemon.attempt(1));
    assert!(
        daemon
            .radclient("anna", "correct-horse-battery")
            .is_accept()
    );
    assert!(daemon.radclient("anna", "wrong").is_reject());
    println!("{:?}", daemon.attempt(2));
}
