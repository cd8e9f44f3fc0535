//! portvakt-auth
