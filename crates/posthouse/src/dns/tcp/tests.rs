use super::*;
use tokio::io::AsyncReadExt;

/// Sends messages back; `s` streams it thrice, `l` a minute later, `c` closes.
struct Echo;

impl Service for Echo {
    fn message(self: &Arc<Self>, query: &[u8], _peer: &Peer, out: &mut Vec<u8>) -> Reply {
        let whole = query.to_vec();
        match query[0] {
            b's' | b'l' => Reply::Later(Box::pin(async move {
                let (put, stream) = mpsc::channel(3);
                if whole[0] == b'l' {
                    let _ = timeout(Duration::from_secs(60), std::future::pending::<()>()).await;
                }
                for _ in 0..if whole[0] == b's' { 3 } else { 1 } {
                    put.send(whole.clone()).await.unwrap();
                }
                stream
            })),
            b'c' => Reply::Close,
            _ => {
                out.extend_from_slice(query);
                Reply::Done
            }
        }
    }
}

fn framed(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    put(message, &mut out);
    out
}

/// Says `pieces` and reads to the end; `leaves` closes its side first.
async fn talk(limits: Limits, pieces: &[&[u8]], room: usize, leaves: bool) -> (io::Result<()>, Vec<u8>) {
    let (mut client, server) = tokio::io::duplex(room);
    let registry = Registry::new(limits, Vec::new());
    let address: SocketAddr = "192.0.2.1:5".parse().unwrap();
    let admission = registry.admit(address.ip()).unwrap();
    let peer = Peer { address, is_tls: false, exempt: false };
    let serve = async {
        let end = answer_all(&Arc::new(Echo), server, &peer, &admission, limits.idle).await;
        drop(admission);
        end
    };
    let (end, said) = tokio::join!(serve, async {
        for piece in pieces {
            let _ = client.write_all(piece).await;
        }
        if leaves {
            client.shutdown().await.unwrap();
        }
        let mut said = Vec::new();
        let _ = client.read_to_end(&mut said).await;
        said
    });
    (end, said)
}

const A: &[u8] = b"a message of some length";

/// The messages in what was said.
fn messages(mut said: &[u8]) -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    while let Some((len, after)) = said.split_first_chunk::<2>() {
        let (message, after) = after.split_at(usize::from(u16::from_be_bytes(*len)));
        out.push(message.to_vec());
        said = after;
    }
    out
}

#[tokio::test(start_paused = true)]
async fn messages_are_answered_however_they_are_cut() {
    let (stream, later) = (b"stream of three", b"later than this");
    let all = [framed(A), framed(later), framed(stream), framed(A)].concat();
    let check = |said: &[u8], cut: usize| {
        let mut said = messages(said);
        // What took long came last, when all others were answered; all of the stream is there.
        assert_eq!(said.pop().unwrap(), later, "cut at {cut}");
        said.sort();
        assert_eq!(said, [A, A, stream, stream, stream], "cut at {cut}");
    };
    for cut in 0..=all.len() {
        let (end, said) = talk(Limits::default(), &[&all[..cut], &all[cut..]], 1 << 16, true).await;
        assert!(end.is_ok());
        check(&said, cut);
    }
    let (end, said) = talk(Limits::default(), &all.chunks(1).collect::<Vec<_>>(), 64, true).await;
    assert!(end.is_ok());
    check(&said, 0);
}

#[tokio::test(start_paused = true)]
async fn no_more_are_under_way_than_may_be_and_a_stranger_ends_it() {
    let begun = Instant::now();
    let many = framed(b"later than this").repeat(2 * UNDER_WAY_MAX + 1);
    let (end, said) = talk(Limits::default(), &[&many], 1 << 16, true).await;
    assert!(end.is_ok());
    assert_eq!(messages(&said).len(), 2 * UNDER_WAY_MAX + 1);
    assert_eq!(begun.elapsed().as_secs(), 180, "in three rounds");
    let (end, said) =
        talk(Limits::default(), &[&framed(A), &framed(b"closing at once")], 1 << 16, false).await;
    assert!(end.is_ok());
    assert_eq!(messages(&said), [A]);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_message_ends_the_connection() {
    for bytes in [&[0, 0][..], &[0, 11, 1, 2, 3]] {
        let (end, said) = talk(Limits::default(), &[bytes], 1 << 16, false).await;
        assert_eq!(end.unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert!(said.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn silence_and_trickling_end_it_at_the_deadline() {
    let begun = tokio::time::Instant::now();
    let (end, _) = talk(Limits::default(), &[&[0xff, 0xff, 1]], 1 << 16, false).await;
    assert!(end.is_ok());
    assert_eq!(begun.elapsed(), Limits::default().idle);
}

#[tokio::test(start_paused = true)]
async fn whoever_does_not_read_is_not_read() {
    let (mut client, server) = tokio::io::duplex(1 << 10);
    let registry = Registry::new(Limits::default(), Vec::new());
    let admission = registry.admit("192.0.2.1".parse().unwrap()).unwrap();
    let peer = Peer { address: "192.0.2.1:5".parse().unwrap(), is_tls: false, exempt: false };
    let many = framed(&[b'a'; 500]).repeat(10_000);
    let written = async {
        let mut done = 0;
        while let Ok(Ok(count)) = timeout(Duration::from_secs(60), client.write(&many[done..])).await {
            done += count;
        }
        done
    };
    let idle = Limits::default().idle;
    let echo = Arc::new(Echo);
    let (end, done) = tokio::join!(answer_all(&echo, server, &peer, &admission, idle), written);
    assert!(end.is_err(), "given up after a while");
    assert!(done < 4 * FLUSH_AT_BYTES, "{done} bytes were taken");
}

#[test]
fn an_announced_length_takes_no_memory() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let (mut client, mut server) = tokio::io::duplex(1 << 17);
        let mut frames = Frames::default();
        client.write_all(&[0xff, 0xff]).await.unwrap();
        client.write_all(&[1; 100]).await.unwrap();
        assert!(frames.read(&mut server).await.unwrap());
        assert!(!frames.whole().unwrap());
        assert!(frames.capacity_bytes() <= 1024);
    });
}
