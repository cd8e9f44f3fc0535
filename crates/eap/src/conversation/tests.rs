//! That a conversation does not take its method's word, for success or for the time of a refusal.

use super::{Conversation, Exchanged, IdentityVerdicts, Sent};
use super::{Leaves, State, Step, Telling};
use crate::credential::InnerCredential;
use crate::failure::FailureCause;
use crate::keys::{InnerPassword, Keys};
use crate::limits::Limits;
use crate::method::{Method, MethodStep};
use crate::method_name::MethodName;
use crate::method_type::MethodType;
use crate::packet::{Code, EapType, write_typed};
use crate::stage::Stage;
use crate::tls::TlsVersion;
use crate::untunnelled_method::UntunnelledOffer;
use crate::verdict::Verdict;
use crate::{Methods, ServerTls, TlsVersions};

const LIMITS: Limits = Limits::USUAL;

/// Asks for as many verdicts as it is told to, and then goes on as it likes, whatever they were.
struct Liar {
    questions: usize,
    end: fn() -> MethodStep,
}

fn success() -> MethodStep {
    MethodStep::Success(Some(Keys::split(&[0; 128])))
}

fn one_more_request() -> MethodStep {
    MethodStep::Request(vec![0])
}

impl Liar {
    fn next(&mut self) -> MethodStep {
        match self.questions.checked_sub(1) {
            Some(left) => {
                self.questions = left;
                MethodStep::Authenticate(InnerCredential::Password {
                    identity: Vec::new(),
                    password: InnerPassword::new(Vec::new()),
                })
            }
            None => (self.end)(),
        }
    }
}

impl Method for Liar {
    fn eap_type(&self) -> EapType {
        EapType::TTLS
    }
    fn start(&mut self) -> Vec<u8> {
        Vec::new()
    }
    fn handle(&mut self, _type_data: &[u8], _limits: Limits) -> MethodStep {
        self.next()
    }
    fn handle_verdict(&mut self, _verdict: Verdict, _limits: Limits) -> MethodStep {
        self.next()
    }
    fn stage(&self) -> Stage {
        Stage::InnerAuthentication
    }
    fn name(&self) -> MethodName {
        MethodName::Ttls
    }
    fn tls_version(&self) -> Option<TlsVersion> {
        None
    }
}

fn methods() -> Methods {
    let made = rcgen::generate_simple_self_signed(vec!["a.example".to_owned()]).unwrap();
    let (chain, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let tls = ServerTls::from_pem(chain.as_bytes(), key.as_bytes(), TlsVersions::Both);
    Methods::new(tls.unwrap(), &[MethodType::Ttls]).unwrap()
}

/// The last step after these verdicts.
fn end(verdicts: &[Verdict]) -> Step {
    end_by(verdicts, success)
}

/// The same of a method that ends like this.
fn end_by(verdicts: &[Verdict], end: fn() -> MethodStep) -> Step {
    let mut conversation = Conversation {
        methods: methods(),
        untunnelled: UntunnelledOffer::none(),
        outer_identity: Vec::new(),
        identifier: 1,
        sent: Sent::NOTHING,
        exchanged: Exchanged::default(),
        verdicts: IdentityVerdicts::default(),
        telling: Telling::default(),
        authorization: None,
        state: State::ExpectResponse(Box::new(Liar {
            questions: verdicts.len(),
            end,
        })),
    };
    let response = write_typed(Code::Response, 1, EapType::TTLS, &[0]);
    let mut step = conversation.handle_response(&response, LIMITS).unwrap();
    for verdict in verdicts {
        assert!(matches!(step, Step::Authenticate(_)));
        step = conversation
            .handle_verdict(verdict.clone(), LIMITS)
            .unwrap();
    }
    step
}

#[test]
fn success_needs_an_accepting_verdict_to_the_last_question() {
    use Verdict::{Accepted, Refused};
    for verdicts in [&[Accepted][..], &[Refused, Accepted]] {
        assert!(matches!(end(verdicts), Step::Success { .. }));
    }
    for verdicts in [&[][..], &[Refused], &[Accepted, Refused]] {
        let Step::Failure { cause, .. } = end(verdicts) else {
            panic!("success out of {verdicts:?}")
        };
        assert_eq!(cause, FailureCause::Internal);
    }
}

/// A method that is written tomorrow cannot forget it.
#[test]
fn no_method_says_when_its_messages_leave() {
    use Verdict::{Accepted, Refused};
    for (verdicts, due) in [
        (&[][..], Leaves::AtOnce),
        (&[Accepted], Leaves::AtOnce),
        (&[Refused], Leaves::Late),
        (&[Refused, Accepted], Leaves::Late),
    ] {
        let Step::Request(request) = end_by(verdicts, one_more_request) else {
            panic!("no request after {verdicts:?}")
        };
        assert_eq!(request.leaves(), due, "{verdicts:?}");
    }
}
