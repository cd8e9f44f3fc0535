//! portvakt-testkit
