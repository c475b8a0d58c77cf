//! One socket with its buffers, which are made once.

use super::socket::Family;
use super::{ANSWER_LEN_MAX_BYTES, BATCH, Later, QUERY_LEN_MAX_BYTES, Sender};
use nix::cmsg_space;
use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{
    ControlMessage, MsgFlags, MultiHeaders, MultiResults, SockaddrLike, recvmmsg, sendmmsg, sendmsg,
};
use std::io::{self, IoSlice, IoSliceMut};
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::sync::Arc;

/// A datagram that was received: where it lies is its index.
struct Received<F: Family> {
    peer: F::Address,
    local: Option<F::Local>,
    len: usize,
}

/// An answer to be sent: where it lies is its index.
struct Answer<F: Family> {
    peer: Option<F::Address>,
    local: Option<F::Local>,
    len: usize,
}

/// A socket, and room for a batch in and a batch out.
pub(super) struct Lane<F: Family> {
    socket: Arc<UdpSocket>,
    is_wildcard: bool,
    input: Box<[u8]>,
    output: Box<[u8]>,
    receive: MultiHeaders<F::Address>,
    send: MultiHeaders<F::Address>,
    received: Vec<Received<F>>,
    answers: Vec<Answer<F>>,
}

/// Headers with room for one control message each, on a socket that has several addresses.
fn headers<A: SockaddrLike + Copy>(is_wildcard: bool) -> MultiHeaders<A> {
    // The larger of the two, which has room for the smaller.
    MultiHeaders::preallocate(BATCH, is_wildcard.then(|| cmsg_space!(libc::in6_pktinfo)))
}

impl<F: Family> Lane<F> {
    pub fn new(socket: UdpSocket, is_wildcard: bool) -> Lane<F> {
        Lane {
            socket: Arc::new(socket),
            is_wildcard,
            input: vec![0; BATCH * QUERY_LEN_MAX_BYTES].into(),
            output: vec![0; BATCH * ANSWER_LEN_MAX_BYTES].into(),
            receive: headers(is_wildcard),
            send: headers(is_wildcard),
            received: Vec::with_capacity(BATCH),
            answers: Vec::with_capacity(BATCH),
        }
    }

    /// Waits for datagrams and takes all that are there, at most a batch; 0 when none came in a while.
    pub fn receive(&mut self) -> io::Result<usize> {
        self.received.clear();
        self.answers.clear();
        let mut pieces = self.input.chunks_exact_mut(QUERY_LEN_MAX_BYTES);
        let mut slices: [[IoSliceMut<'_>; 1]; BATCH] =
            std::array::from_fn(|_| [IoSliceMut::new(pieces.next().unwrap_or_default())]);
        let fd = self.socket.as_raw_fd();
        let got = recvmmsg(fd, &mut self.receive, slices.iter_mut(), MsgFlags::MSG_WAITFORONE, None);
        let mut lost_local = false;
        match got {
            Ok(messages) => {
                let messages: MultiResults<'_, F::Address> = messages;
                for message in messages {
                    let Some(peer) = message.address else { continue };
                    let local = match self.is_wildcard {
                        true => message.cmsgs().ok().and_then(|mut all| all.find_map(|one| F::local(&one))),
                        false => None,
                    };
                    lost_local |= self.is_wildcard && local.is_none();
                    // Longer than the room for it: what is missing makes it unreadable anyway.
                    let is_cut = message.flags.contains(MsgFlags::MSG_TRUNC);
                    let len = if is_cut { 0 } else { message.bytes };
                    self.received.push(Received { peer, local, len });
                }
            }
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
        if lost_local {
            // The kernel shrank a header's room to what it last put there: begin with fresh ones.
            self.receive = headers(self.is_wildcard);
        }
        Ok(self.received.len())
    }

    /// Has the datagram at `index` answered.
    pub fn answer(&mut self, index: usize, respond: impl FnOnce(&[u8], &Sender<'_>, &mut [u8]) -> usize) {
        let received = &self.received[index];
        let query = &self.input[index * QUERY_LEN_MAX_BYTES..][..received.len];
        let out = &mut self.output[self.answers.len() * ANSWER_LEN_MAX_BYTES..][..ANSWER_LEN_MAX_BYTES];
        let (peer, local) = (received.peer, received.local);
        let later = || later::<F>(self.socket.clone(), peer, local);
        let len = respond(query, &Sender { address: F::peer(&peer), later: &later }, out);
        if len > 0 {
            self.answers.push(Answer { peer: Some(peer), local, len });
        }
    }

    /// Sends the answers: how many went and how many did not.
    pub fn send(&mut self) -> (u32, u32) {
        let (mut sent, mut unsent) = (0, 0);
        let mut at = 0;
        while at < self.answers.len() {
            match self.send_from(at) {
                Ok(count) => {
                    sent += count;
                    at += count;
                }
                Err(Errno::EINTR) => {}
                // The first of those left cannot be sent: no route, forbidden, no memory. The others may.
                Err(_) => {
                    unsent += 1;
                    at += 1;
                }
            }
        }
        (u32::try_from(sent).unwrap_or(u32::MAX), unsent)
    }

    /// Sends answers from `first` on that leave from the same address.
    fn send_from(&mut self, first: usize) -> nix::Result<usize> {
        let answers = &self.answers[first..];
        let local = answers[0].local;
        let same = |answer: &Answer<F>| match (&answer.local, &local) {
            (Some(one), Some(other)) => F::same(one, other),
            (None, None) => true,
            _ => false,
        };
        let count = answers.iter().take_while(|answer| same(answer)).count();
        let slices: [[IoSlice<'_>; 1]; BATCH] = std::array::from_fn(|index| {
            let len = answers.get(index).map_or(0, |answer| answer.len);
            let start = (first + index).min(BATCH - 1) * ANSWER_LEN_MAX_BYTES;
            [IoSlice::new(&self.output[start..start + len])]
        });
        let peers: [Option<F::Address>; BATCH] =
            std::array::from_fn(|index| answers.get(index).and_then(|answer| answer.peer));
        let control: Option<ControlMessage<'_>> = local.as_ref().map(F::control);
        let control: &[ControlMessage<'_>] = control.as_slice();
        let fd = self.socket.as_raw_fd();
        let sent =
            sendmmsg(fd, &mut self.send, &slices[..count], &peers[..count], control, MsgFlags::empty())?;
        Ok(sent.count())
    }
}

fn later<F: Family>(socket: Arc<UdpSocket>, peer: F::Address, local: Option<F::Local>) -> Later {
    Box::new(move |answer| {
        let control: Option<ControlMessage<'_>> = local.as_ref().map(F::control);
        let slices = [IoSlice::new(answer)];
        let fd = socket.as_raw_fd();
        if let Err(error) = sendmsg(fd, &slices, control.as_slice(), MsgFlags::empty(), Some(&peer)) {
            tracing::debug!(%error, "an answer could not be sent");
        }
    })
}
