//! Datagrams that the kernel threw away because they came faster than they were taken.

use crate::metrics::metrics;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::sync::watch;

/// How often the kernel's tables are read.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Counts what is dropped at our sockets until `stop`.
pub async fn run(addresses: Vec<SocketAddr>, mut stop: watch::Receiver<bool>) {
    let mut known = 0;
    let mut interval = tokio::time::interval(LOOK_EVERY);
    loop {
        tokio::select! {
            () = crate::driver::stopped(&mut stop) => return,
            _ = interval.tick() => {}
        }
        let tables =
            ["/proc/net/udp", "/proc/net/udp6"].map(|path| std::fs::read_to_string(path).unwrap_or_default());
        let now: u64 = tables.iter().map(|table| dropped(table, &addresses)).sum();
        if now > known {
            metrics().dns_dropped.add(now - known);
            tracing::warn!(
                count = now - known,
                "DNS questions came faster than they were taken: some were lost"
            );
        }
        known = now;
    }
}

/// The drops in a table of proc(5) at sockets bound to the ports of `addresses`.
fn dropped(table: &str, addresses: &[SocketAddr]) -> u64 {
    let of_line = |line: &str| -> Option<u64> {
        let local = line.split_whitespace().nth(1)?;
        let port = u16::from_str_radix(local.rsplit(':').next()?, 16).ok()?;
        let is_ours = addresses.iter().any(|address| address.port() == port);
        line.split_whitespace().last()?.parse().ok().filter(|_| is_ours)
    };
    table.lines().skip(1).filter_map(of_line).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_column_of_our_ports_counts() {
        let table = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  310: 0100007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1 2 0 17
  311: 0100007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1 2 0 5
  312: 0100007F:14E9 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1 2 0 99
";
        assert_eq!(dropped(table, &["127.0.0.1:53".parse().unwrap()]), 22);
        assert_eq!(dropped("", &["127.0.0.1:53".parse().unwrap()]), 0);
    }
}
