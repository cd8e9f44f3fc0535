//! portvakt-radius
