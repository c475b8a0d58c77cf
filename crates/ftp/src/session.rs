//! The session: its states, and what moves it from one to the next.

use crate::ask::{Answer, Ask, Ended};
use crate::settings::Settings;
use std::net::IpAddr;
use std::sync::Arc;
use wire::{Input, Now, Outputs};

/// One FTP control connection, server side.
#[derive(Debug)]
pub struct ServerSession {
    settings: Arc<Settings>,
}

impl ServerSession {
    /// A session that has not greeted yet.
    ///
    /// - `client`: the address of the control connection's peer, the only one to which active data
    ///   connections are made.
    /// - `tls`: TLS is active from the start (port 990); data connections then are protected unless the
    ///   client says otherwise.
    pub fn new(settings: Arc<Settings>, client: IpAddr, tls: bool) -> ServerSession {
        let _ = (client, tls);
        ServerSession { settings }
    }

    /// The transfer that [`Answer::Transfer`] let begin is over. To be called between questions only,
    /// exactly once per transfer, also after ABOR.
    pub fn transfer_ended(&mut self, now: Now, ended: Ended, out: &mut Outputs<Ask>) {
        let _ = (now, ended, out);
    }

    /// True from the answer that lets a transfer begin until [`ServerSession::transfer_ended`].
    pub fn is_transferring(&self) -> bool {
        false
    }

    /// What the client calls itself (CLNT, CSID), for the log; printable.
    pub fn client_name(&self) -> Option<&str> {
        None
    }
}

impl wire::Session for ServerSession {
    type Ask = Ask;
    type Answer = Answer;

    fn start(&mut self, _now: Now, out: &mut Outputs<Ask>) {
        out.send(format!("220 {}\r\n", self.settings.greeting.as_str()).as_bytes());
    }

    fn input(&mut self, _now: Now, input: &mut Input, _out: &mut Outputs<Ask>) {
        input.clear();
    }

    fn answer(&mut self, _now: Now, _answer: Answer, _out: &mut Outputs<Ask>) {}

    fn deadline(&self) -> Option<Now> {
        None
    }

    fn expired(&mut self, _now: Now, out: &mut Outputs<Ask>) {
        out.close();
    }

    fn stop(&mut self, _now: Now, out: &mut Outputs<Ask>) {
        out.close();
    }
}
