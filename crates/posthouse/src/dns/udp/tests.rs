use super::*;
use std::net::UdpSocket;
use std::sync::mpsc;

/// Sends queries back with their first byte changed; silent for `q`, later for `l`, panics for `p`.
struct Echo(mpsc::Sender<Batch>);

impl Respond for Echo {
    fn begin(&mut self) {}

    fn respond(&mut self, query: &[u8], sender: &Sender<'_>, out: &mut [u8]) -> usize {
        assert!(sender.address.port() != 0);
        if query.starts_with(b"l") {
            let later = sender.later();
            std::thread::spawn(move || later(b"later"));
            return 0;
        }
        assert!(!query.starts_with(b"p"), "a fault");
        if query.starts_with(b"q") {
            return 0;
        }
        out[..query.len()].copy_from_slice(query);
        out[0] = b'!';
        query.len()
    }

    fn end(&mut self, batch: Batch) {
        let _ = self.0.send(batch);
    }
}

fn check(bind: &str, ask: &str) {
    let sockets = open(bind.parse().unwrap(), 2).unwrap();
    let port = sockets.address.port();
    let stop = Arc::new(AtomicBool::new(false));
    let (said, batches) = mpsc::channel();
    let threads = start(sockets, &stop, || Echo(said.clone())).unwrap();
    let client = UdpSocket::bind((ask, 0)).unwrap();
    client.connect((ask, port)).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut buffer = [0; 4096];
    let mut received = 0;
    for round in 0..100u32 {
        client.send(b"q").unwrap();
        client.send(b"p").unwrap();
        client.send(&[b'x'; QUERY_LEN_MAX_BYTES + 1]).unwrap();
        let query = [b"a".as_slice(), &round.to_be_bytes()].concat();
        client.send(&query).unwrap();
        // Connected: an answer from another address would not be received.
        let len = client.recv(&mut buffer).unwrap();
        assert_eq!(buffer[..len], [b"!".as_slice(), &query[1..]].concat());
    }
    client.send(b"l").unwrap();
    let len = client.recv(&mut buffer).unwrap();
    assert_eq!(&buffer[..len], b"later");
    stop.store(true, Ordering::Relaxed);
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    drop(said);
    let mut total = Batch::default();
    for batch in batches {
        received += batch.received;
        total.sent += batch.sent;
        total.panics += batch.panics;
        total.unsent += batch.unsent;
    }
    assert_eq!((received, total.sent, total.panics, total.unsent), (401, 100, 100, 0));
}

/// What waits when the threads begin is one batch, so that its answers leave as trains.
fn check_burst(bind: &str, ask: &str) {
    let sockets = open(bind.parse().unwrap(), 1).unwrap();
    let port = sockets.address.port();
    let clients = [(); 3].map(|()| {
        let client = UdpSocket::bind((ask, 0)).unwrap();
        client.connect((ask, port)).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        client
    });
    let query = |number: usize| {
        let filled = [b'a', u8::try_from(number).unwrap()].into_iter().chain([b'.'; ANSWER_LEN_MAX_BYTES]);
        filled.take(2 + number % 5 * 300).collect::<Vec<u8>>()
    };
    for number in 0..BATCH {
        clients[number % 3].send(&query(number)).unwrap();
    }
    let stop = Arc::new(AtomicBool::new(false));
    let (said, batches) = mpsc::channel();
    let threads = start(sockets, &stop, || Echo(said.clone())).unwrap();
    let mut buffer = [0; 4096];
    let mut came = Vec::new();
    for number in 0..BATCH {
        let len = clients[number % 3].recv(&mut buffer).unwrap();
        let answer = &buffer[..len];
        let mut wanted = query(answer[1].into());
        wanted[0] = b'!';
        assert_eq!(answer, wanted);
        assert_eq!(usize::from(answer[1]) % 3, number % 3, "it came to who asked");
        came.push(answer[1]);
    }
    came.sort_unstable();
    assert!(came.into_iter().eq(0..64), "each came once");
    let whole = u32::try_from(BATCH).unwrap();
    let batch = batches.recv().unwrap();
    assert_eq!(batch, Batch { received: whole, sent: whole, ..Batch::default() });
    stop.store(true, Ordering::Relaxed);
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

#[test]
fn a_burst_is_answered_in_trains() {
    check_burst("127.0.0.1:0", "127.0.0.1");
    check_burst("0.0.0.0:0", "127.0.0.5");
    if UdpSocket::bind("[::1]:0").is_ok() {
        check_burst("[::1]:0", "::1");
        check_burst("[::]:0", "127.0.0.6");
    }
}

#[test]
fn a_bound_address_answers() {
    check("127.0.0.1:0", "127.0.0.1");
}

#[test]
fn a_wildcard_answers_from_the_address_that_was_asked() {
    check("0.0.0.0:0", "127.0.0.5");
}

#[test]
fn ipv6_answers_by_itself_and_for_ipv4() {
    if UdpSocket::bind("[::1]:0").is_err() {
        return;
    }
    check("[::1]:0", "::1");
    check("[::]:0", "::1");
    check("[::]:0", "127.0.0.6");
}

#[test]
fn an_address_in_use_is_not_shared() {
    let first = open("127.0.0.1:0".parse().unwrap(), 2).unwrap();
    let error = open(first.address, 1).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
}
