//! What entries of each kind of directory become.
