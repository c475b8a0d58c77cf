use crate::auth::{Authenticator, Origin};
use crate::clock::Clock;
use crate::driver::*;
use crate::tls::TlsInfo;
type Answer = <::imap::Session as wire::Session>::Answer;
type Ask = <::imap::Session as wire::Session>::Ask;
#[derive(Clone)]
pub struct Shared;
impl Shared {
    pub fn new(_: store::Store, _: Authenticator, _: Clock, _: usize) -> Shared {
        Shared
    }
}
pub struct ImapService;
impl ImapService {
    pub fn session(_: &wire::Budget, _: u64, _: bool, _: Option<TlsInfo>) -> ::imap::Session {
        panic!()
    }
    pub fn new(_: Shared, _: Origin) -> ImapService {
        ImapService
    }
}
impl Service<::imap::Session> for ImapService {
    async fn answer(&mut self, _: Ask, _: &mut Wire) -> Reaction<Answer> {
        Reaction::Drop
    }
    fn tls_started(&mut self, _: TlsInfo) -> Answer {
        panic!()
    }
}
