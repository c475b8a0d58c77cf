//! One socket with its buffers, which are made once.

use super::socket::Family;
use super::train::{self, Wagon};
use super::{ANSWER_LEN_MAX_BYTES, BATCH, Later, QUERY_LEN_MAX_BYTES, Sender};
use nix::cmsg_space;
use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{
    ControlMessage, MsgFlags, MultiHeaders, MultiResults, SockaddrLike, getsockopt, recvmmsg, sendmmsg,
    sendmsg, sockopt,
};
use std::io::{self, IoSlice, IoSliceMut};
use std::net::UdpSocket;
use std::ops::Range;
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
    peer: F::Address,
    local: Option<F::Local>,
    len: usize,
}

impl<F: Family> Answer<F> {
    fn wagon(&self) -> Wagon<(F::From, F::To)> {
        Wagon { way: F::way(self.local.as_ref(), &self.peer), len: self.len }
    }
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
    /// The places of the answers, in the order in which they leave.
    order: Vec<usize>,
    /// Whether the kernel cuts trains up.
    has_trains: bool,
}

/// Headers with room for one control message each, on a socket that has several addresses.
fn headers<A: SockaddrLike + Copy>(is_wildcard: bool) -> MultiHeaders<A> {
    // The larger of the two, which has room for the smaller.
    MultiHeaders::preallocate(BATCH, is_wildcard.then(|| cmsg_space!(libc::in6_pktinfo)))
}

impl<F: Family> Lane<F> {
    pub fn new(socket: UdpSocket, is_wildcard: bool) -> Lane<F> {
        Lane {
            has_trains: getsockopt(&socket, sockopt::UdpGsoSegment).is_ok(),
            socket: Arc::new(socket),
            is_wildcard,
            input: vec![0; BATCH * QUERY_LEN_MAX_BYTES].into(),
            output: vec![0; BATCH * ANSWER_LEN_MAX_BYTES].into(),
            receive: headers(is_wildcard),
            send: headers(is_wildcard),
            received: Vec::with_capacity(BATCH),
            answers: Vec::with_capacity(BATCH),
            order: Vec::with_capacity(BATCH),
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
            self.answers.push(Answer { peer, local, len });
        }
    }

    /// Sends the answers: how many went and how many did not.
    pub fn send(&mut self) -> (u32, u32) {
        self.order.clear();
        self.order.extend(0..self.answers.len());
        let mut sent = 0;
        if self.has_trains && self.answers.len() > 1 {
            sent += self.send_trains();
        }
        let mut unsent = 0;
        let mut at = 0;
        while at < self.order.len() {
            match self.send_singles(at) {
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

    /// Sends those that can go together: how many went. The others are left in the order.
    fn send_trains(&mut self) -> usize {
        train::marshal(&mut self.order, |place| self.answers[place].wagon());
        let (mut at, mut left) = (0, 0);
        while at < self.order.len() {
            let count = train::couple(self.order[at..].iter().map(|place| self.answers[*place].wagon()));
            let is_gone = count > 1 && self.has_trains && self.is_sent(at..at + count);
            if !is_gone {
                self.order.copy_within(at..at + count, left);
                left += count;
            }
            at += count;
        }
        self.order.truncate(left);
        at - left
    }

    /// Whether the answers at these places of the order went as a train.
    fn is_sent(&mut self, places: Range<usize>) -> bool {
        match self.send_train(&self.order[places]) {
            Ok(()) => true,
            Err(error) => {
                // Devices that compute no checksums may refuse. What else is wrong is met again by the single ones.
                self.has_trains &= !matches!(error, Errno::EIO | Errno::EINVAL | Errno::EOPNOTSUPP);
                false
            }
        }
    }

    /// Sends the answers at these places in one piece, which the kernel cuts up again.
    fn send_train(&self, places: &[usize]) -> nix::Result<()> {
        let first = &self.answers[places[0]];
        let slices: [IoSlice<'_>; BATCH] = std::array::from_fn(|at| match places.get(at) {
            Some(place) => IoSlice::new(piece(&self.output, &self.answers, *place)),
            None => IoSlice::new(&[]),
        });
        let len = u16::try_from(first.len).map_err(|_| Errno::EMSGSIZE)?;
        let cut = ControlMessage::UdpGsoSegments(&len);
        let both;
        let control = match &first.local {
            Some(local) => {
                both = [F::control(local), cut];
                both.as_slice()
            }
            None => std::slice::from_ref(&cut),
        };
        let fd = self.socket.as_raw_fd();
        sendmsg(fd, &slices[..places.len()], control, MsgFlags::empty(), Some(&first.peer)).map(drop)
    }

    /// Sends answers, from the one at `first` in the order on, that leave from the same address.
    fn send_singles(&mut self, first: usize) -> nix::Result<usize> {
        let places = &self.order[first..];
        let at = |index: usize| places.get(index).map(|place| &self.answers[*place]);
        let from = |answer: &Answer<F>| F::way(answer.local.as_ref(), &answer.peer).0;
        let same = |place: &&usize| from(&self.answers[**place]) == from(&self.answers[places[0]]);
        let count = places.iter().take_while(same).count();
        let slices: [[IoSlice<'_>; 1]; BATCH] = std::array::from_fn(|index| {
            [IoSlice::new(places.get(index).map_or(&[], |place| piece(&self.output, &self.answers, *place)))]
        });
        let peers: [Option<F::Address>; BATCH] =
            std::array::from_fn(|index| at(index).map(|answer| answer.peer));
        let control: Option<ControlMessage<'_>> = self.answers[places[0]].local.as_ref().map(F::control);
        let fd = self.socket.as_raw_fd();
        let none = MsgFlags::empty();
        let sent = sendmmsg(fd, &mut self.send, &slices[..count], &peers[..count], control.as_slice(), none)?;
        Ok(sent.count())
    }
}

/// The answer at this place.
fn piece<'a, F: Family>(output: &'a [u8], answers: &[Answer<F>], place: usize) -> &'a [u8] {
    &output[place * ANSWER_LEN_MAX_BYTES..][..answers[place].len]
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
