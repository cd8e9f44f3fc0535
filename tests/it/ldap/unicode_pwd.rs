//! Passwords for what speaks as Active Directory does, over TLS; see the head of
//! `tests/common/active_directory.rs` for what that is, and what it is not.

use std::sync::Arc;

use portvakt_testkit::supplicant::Authority;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

use crate::common::{Daemon, Setup, eventually};
use crate::ldap::domain::{ActiveDirectory, PASSWORD, SERVICE_PASSWORD};
use crate::ldap::writing::{NEW, log_on, reason, set_password};

/// TLS before a domain, and a server that may write there.
struct Site {
    domain: ActiveDirectory,
    daemon: Daemon,
    _front: Runtime,
}

fn site() -> Site {
    let domain = ActiveDirectory::with(2, false);
    let authority = Authority::new("Domain");
    let (front, port) = front(&domain, &authority);
    let setup = Setup::new().people("");
    let file = private(&setup, "ad-password", SERVICE_PASSWORD);
    let ca = private(&setup, "ad-root.pem", &authority.certificate_pem());
    let lines = format!("write = true\nca-file = {ca:?}\nserver-name = \"radius.campus.example\"");
    let table = domain
        .directory_table(&file, &lines)
        .replace(
            &format!("ldap://{}", domain.address()),
            &format!("ldaps://127.0.0.1:{port}"),
        )
        .replace("danger-plain-text = true\nstart-tls = false\n", "");
    let daemon = setup.more(&table).start();
    log_on(&daemon, "u0000", PASSWORD);
    Site {
        domain,
        daemon,
        _front: front,
    }
}

fn private(setup: &Setup, name: &str, text: &str) -> String {
    let path = setup.write(name, text);
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&path, mode).unwrap();
    path.display().to_string()
}

/// Ends TLS, and says the rest in clear to the domain.
fn front(domain: &ActiveDirectory, authority: &Authority) -> (Runtime, u16) {
    let identity = authority.issue_server();
    let chain = CertificateDer::pem_slice_iter(identity.chain_pem.as_bytes());
    let key = PrivateKeyDer::from_pem_slice(identity.key_pem.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain.collect::<Result<_, _>>().unwrap(), key)
        .unwrap();
    let (acceptor, address) = (TlsAcceptor::from(Arc::new(config)), domain.address());
    let runtime = Runtime::new().unwrap();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let port = listener.local_addr().unwrap().port();
    runtime.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let mut secured = acceptor.accept(stream).await?;
                let mut behind = TcpStream::connect(address).await?;
                copy_bidirectional(&mut secured, &mut behind).await
            });
        }
    });
    (runtime, port)
}

#[test]
fn password_is_reset_in_the_domain_and_the_one_before_is_not_counted() {
    let Site {
        domain,
        daemon,
        _front,
    } = site();
    let new = "blåbær-på-fjellet-€";
    let (success, said) = set_password(&daemon, "u0000", new, &[]);
    assert!(success, "{said}");
    assert_eq!(domain.state("u0000", "pwdLastSet").0, new);
    for _ in 0..7 {
        assert_eq!(reason(&daemon, "u0000", PASSWORD), "previous-password");
    }
    assert_eq!(reason(&daemon, "u0000", new), "");
    assert_eq!(reason(&daemon, "u0000", "wrong"), "wrong-credential");
    // Nobody has seen another one of hers.
    let (success, said) = set_password(&daemon, "u0001", NEW, &[]);
    assert!(success, "{said}");
    assert_eq!(reason(&daemon, "u0001", PASSWORD), "wrong-credential");
}

#[test]
fn temporary_password_has_to_be_changed_in_the_domain_first() {
    let Site {
        domain,
        daemon,
        _front,
    } = site();
    let (success, said) = set_password(&daemon, "u0000", NEW, &["--temporary"]);
    assert!(success, "{said}");
    assert_eq!(
        domain.state("u0000", "pwdLastSet"),
        (NEW.to_owned(), vec!["0".to_owned()])
    );
    assert_eq!(reason(&daemon, "u0000", NEW), "temporary-not-allowed");
}

#[test]
fn password_that_the_domain_does_not_take_is_refused_in_clear_words() {
    let Site {
        domain,
        daemon,
        _front,
    } = site();
    let (success, said) = set_password(&daemon, "u0000", "heather-granite7", &[]);
    assert!(!success && said.contains("the domain's rules"), "{said}");
    domain.forbid_resets();
    let (success, said) = set_password(&daemon, "u0000", NEW, &[]);
    assert!(!success && said.contains("bind-dn may not"), "{said}");
    assert_eq!(domain.state("u0000", "pwdLastSet").0, PASSWORD);
    let is_so = || (reason(&daemon, "u0000", PASSWORD).is_empty()).then_some(());
    assert!(eventually(is_so).is_some());
}

/// P3: a password never leaves over a connection that others can read.
#[test]
fn over_plain_text_the_configuration_is_refused() {
    let domain = ActiveDirectory::with(1, false);
    let setup = Setup::new();
    let file = private(&setup, "ad-password", SERVICE_PASSWORD);
    let setup = setup.more(&domain.directory_table(&file, "write = true"));
    setup.write_config();
    let checked = setup.cli(&["check"]);
    let said = crate::common::text(&checked);
    assert!(!checked.status.success(), "{said}");
    assert!(
        said.contains("Active Directory takes passwords over TLS only"),
        "{said}"
    );
}
