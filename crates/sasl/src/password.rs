//! Checking passwords against stored hashes, and making new ones.
