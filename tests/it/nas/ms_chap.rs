//! CHAP and MS-CHAPv2 as a VPN concentrator hands them on: it makes the challenge, or takes it from
//! the last MS-CHAP-Error, and passes on what the device answers.

use md5::{Digest as _, Md5};
use portvakt_auth::mschap::{self, MsChapV2Exchange, NtHash};

use super::{Nas, Reply, Request, kind};

const MICROSOFT: [u8; 4] = 311_u32.to_be_bytes();
const MS_CHAP_RESPONSE: u8 = 1;
const MS_CHAP_ERROR: u8 = 2;
const MS_CHAP_NT_ENC_PW: u8 = 6;
const MS_CHAP_CHALLENGE: u8 = 11;
const MS_CHAP2_RESPONSE: u8 = 25;
const MS_CHAP2_SUCCESS: u8 = 26;
const MS_CHAP2_CPW: u8 = 27;

const CHAP_PASSWORD: u8 = 3;
const CHAP_CHALLENGE: u8 = 60;

/// Of every exchange here.
const IDENTIFIER: u8 = 7;
/// The device's own challenge: any will do.
const PEER_CHALLENGE: [u8; 16] = [0x21; 16];

impl Nas {
    /// A log-on by CHAP.
    pub fn chap(&self, user: &str, secret: &str, challenge: &[u8]) -> Request {
        let digest = Md5::new()
            .chain_update([IDENTIFIER])
            .chain_update(secret)
            .chain_update(challenge)
            .finalize();
        let value = [&[IDENTIFIER], digest.as_slice()].concat();
        let request = self.access_request().user(user);
        let request = request.with(CHAP_PASSWORD, &value);
        request.with(CHAP_CHALLENGE, challenge)
    }

    /// A log-on by MS-CHAP.
    pub fn ms_chap(&self, user: &str, password: &str, challenge: &[u8; 8]) -> Request {
        let response = mschap::nt_response_v1(&NtHash::of_password(password), challenge);
        let value = [&[IDENTIFIER, 1], [0; 24].as_slice(), &response].concat();
        let request = self.access_request().user(user);
        let request = request.microsoft(MS_CHAP_CHALLENGE, challenge);
        request.microsoft(MS_CHAP_RESPONSE, &value)
    }

    /// A log-on by MS-CHAPv2.
    pub fn ms_chap_v2(&self, user: &str, password: &str, challenge: &[u8; 16]) -> Request {
        let response = nt_response(user, password, challenge);
        let value = [&[IDENTIFIER, 0][..], &PEER_CHALLENGE, &[0; 8], &response].concat();
        let request = self.access_request().user(user);
        let request = request.microsoft(MS_CHAP_CHALLENGE, challenge);
        request.microsoft(MS_CHAP2_RESPONSE, &value)
    }

    /// A change of the password by MS-CHAPv2.
    pub fn ms_chap_v2_change(
        &self,
        user: &str,
        [old, new]: [&str; 2],
        challenge: &[u8; 16],
    ) -> Request {
        let [old, new_hash] = [old, new].map(NtHash::of_password);
        let sealed = mschap::encrypted_password(new, &old, &[0x5a; 512]).unwrap();
        let value = [
            &[7, IDENTIFIER][..],
            &mschap::encrypted_hash(&old, &new_hash),
            &PEER_CHALLENGE,
            &[0; 8],
            &nt_response(user, new, challenge),
            &[0; 2],
        ];
        let mut request = self.access_request().user(user);
        request = request.microsoft(MS_CHAP_CHALLENGE, challenge);
        request = request.microsoft(MS_CHAP2_CPW, &value.concat());
        for (piece, sequence) in sealed.chunks(243).zip(1..) {
            let value = [&[6, IDENTIFIER, 0, sequence], piece].concat();
            request = request.microsoft(MS_CHAP_NT_ENC_PW, &value);
        }
        request
    }
}

impl Request {
    /// Adds one of Microsoft's attributes.
    #[must_use]
    pub fn microsoft(self, of: u8, value: &[u8]) -> Self {
        let length = u8::try_from(2 + value.len()).unwrap();
        let value = [&MICROSOFT[..], &[of, length], value].concat();
        self.with(kind::VENDOR_SPECIFIC, &value)
    }
}

impl Reply {
    /// The value of one of Microsoft's attributes.
    pub fn microsoft(&self, of: u8) -> Option<Vec<u8>> {
        let values = self.values(kind::VENDOR_SPECIFIC).into_iter();
        let mut ours = values.filter(|value| value[..4] == MICROSOFT && value[4] == of);
        ours.next().map(|value| value[6..].to_vec())
    }

    /// MS-CHAP-Error without its identifier, which must be that of the request.
    pub fn ms_chap_error(&self) -> Option<String> {
        let value = self.microsoft(MS_CHAP_ERROR)?;
        let (identifier, text) = value.split_first().unwrap();
        assert_eq!(*identifier, IDENTIFIER);
        Some(String::from_utf8(text.to_vec()).unwrap())
    }

    /// The challenge of MS-CHAP-Error, which the device's next answer is to.
    pub fn next_challenge(&self) -> Vec<u8> {
        let error = self.ms_chap_error().expect("an MS-CHAP-Error");
        let (_, rest) = error.split_once(" C=").expect("a challenge");
        let digits = rest.split(' ').next().unwrap().as_bytes();
        let octet = |pair: &[u8]| {
            let text = std::str::from_utf8(pair).unwrap();
            u8::from_str_radix(text, 16).unwrap()
        };
        digits.chunks(2).map(octet).collect()
    }

    /// Whether the server has proven that it knows the password, and sent keys that go with it.
    pub fn proves_ms_chap_v2(&self, user: &str, password: &str, challenge: &[u8; 16]) -> bool {
        let hash = NtHash::of_password(password);
        let response = nt_response(user, password, challenge);
        let exchange = exchange(user, challenge, response);
        let expected = mschap::check_v2(&hash, &exchange).unwrap();
        let proof = [&[IDENTIFIER], &expected.authenticator_response[..]].concat();
        let keys = self.mppe_keys().map(|keys| [keys.receive, keys.send]);
        let both = [expected.keys.receive.to_vec(), expected.keys.send.to_vec()];
        self.microsoft(MS_CHAP2_SUCCESS) == Some(proof) && keys == Some(both)
    }
}

fn exchange(user: &str, challenge: &[u8; 16], nt_response: [u8; 24]) -> MsChapV2Exchange {
    MsChapV2Exchange {
        name: user.as_bytes().to_vec(),
        authenticator_challenge: *challenge,
        peer_challenge: PEER_CHALLENGE,
        nt_response,
    }
}

fn nt_response(user: &str, password: &str, challenge: &[u8; 16]) -> [u8; 24] {
    let exchange = exchange(user, challenge, [0; 24]);
    mschap::nt_response(&NtHash::of_password(password), &exchange)
}
