//! System calls and cryptography that every server needs: the floor of the other figures.

use std::hint::black_box;
use std::net::UdpSocket;

use aws_lc_rs::agreement::{EphemeralPrivateKey, UnparsedPublicKey, X25519, agree_ephemeral};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, RSA_PSS_SHA256, RsaKeyPair,
};
use criterion::Criterion;
use hmac::{Hmac, KeyInit as _, Mac as _};
use md5::{Digest as _, Md5};

/// Octets of a usual Access-Request without EAP.
const REQUEST: usize = 150;

pub(crate) fn measure(c: &mut Criterion) {
    system_calls(c);
    digests(c);
    keys(c);
}

/// Both ways through the kernel, by one thread: nobody is woken up.
fn system_calls(c: &mut Criterion) {
    let [one, other] = [0, 0].map(|_| UdpSocket::bind("127.0.0.1:0").unwrap());
    let to = other.local_addr().unwrap();
    let (datagram, mut buffer) = ([7; REQUEST], [0; 4096]);
    c.bench_function("limit: one datagram sent and received", |b| {
        b.iter(|| {
            one.send_to(&datagram, to).unwrap();
            other.recv_from(&mut buffer).unwrap()
        });
    });
    c.bench_function("limit: a system call that does nothing", |b| {
        b.iter(nix::unistd::getppid)
    });
}

fn digests(c: &mut Criterion) {
    let octets = [7; REQUEST];
    c.bench_function("limit: MD5 of 150 octets", |b| {
        b.iter(|| Md5::digest(black_box(&octets)))
    });
    c.bench_function("limit: HMAC-MD5 of 150 octets", |b| {
        b.iter(|| {
            let mut mac = Hmac::<Md5>::new_from_slice(b"sixteen octets or more").unwrap();
            mac.update(black_box(&octets));
            mac.finalize()
        });
    });
}

fn keys(c: &mut Criterion) {
    let random = SystemRandom::new();
    let ecdsa = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
    c.bench_function("limit: signature, ECDSA P-256", |b| {
        b.iter(|| ecdsa.sign(&random, black_box(&[7; 200])).unwrap());
    });
    let rsa = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let mut signature = vec![0; rsa.public_modulus_len()];
    c.bench_function("limit: signature, RSA-2048", |b| {
        b.iter(|| {
            rsa.sign(
                &RSA_PSS_SHA256,
                &random,
                black_box(&[7; 200]),
                &mut signature,
            )
        });
    });
    let peer = EphemeralPrivateKey::generate(&X25519, &random).unwrap();
    let peer = peer.compute_public_key().unwrap();
    c.bench_function("limit: key exchange, X25519", |b| {
        b.iter(|| {
            let ours = EphemeralPrivateKey::generate(&X25519, &random).unwrap();
            black_box(ours.compute_public_key().unwrap());
            let peer = UnparsedPublicKey::new(&X25519, &peer);
            agree_ephemeral(ours, peer, (), |secret| Ok(black_box(secret[0]))).unwrap()
        });
    });
}
