//! portvakt-eap
