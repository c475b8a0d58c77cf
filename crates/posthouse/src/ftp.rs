//! FTP joined to accounts and file areas, and the data connections that it needs.

mod binding;
mod cut;
mod data;
mod halt;
mod ports;
mod pump;
mod rate;
#[cfg(test)]
mod tests;
