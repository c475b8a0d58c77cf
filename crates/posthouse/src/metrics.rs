//! Counters and gauges, in the text form that Prometheus reads.

use std::fmt::Write;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// One more.
    pub fn inc(&self) {
        self.add(1);
    }

    /// `count` more.
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }
}

/// A number that goes up and down.
#[derive(Debug, Default)]
pub struct Gauge(AtomicI64);

impl Gauge {
    /// One more until the guard is dropped.
    pub fn hold(&'static self) -> Held {
        self.0.fetch_add(1, Ordering::Relaxed);
        Held(self)
    }
}

/// Counts as one in a [`Gauge`] while it lives.
#[derive(Debug)]
pub struct Held(&'static Gauge);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What is counted per service.
#[derive(Debug, Default)]
pub struct PerService {
    /// Connections accepted.
    pub connections: Counter,
    /// Connections open now.
    pub open: Gauge,
    /// Logins that succeeded.
    pub logins: Counter,
    /// Logins that failed.
    pub login_failures: Counter,
}

/// Everything that is counted.
#[derive(Debug, Default)]
pub struct Metrics {
    services: [PerService; crate::listen::ServiceName::ALL.len()],
    /// Connections refused because too many were open.
    pub connections_refused: Counter,
    /// TLS handshakes that failed.
    pub handshake_failures: Counter,
    /// Messages accepted by SMTP and LMTP.
    pub messages_accepted: Counter,
    /// Their bytes.
    pub messages_accepted_bytes: Counter,
    /// Recipients and messages refused.
    pub messages_refused: Counter,
    /// Messages placed into mailboxes.
    pub messages_delivered: Counter,
    /// Answers that failed because the store did.
    pub store_failures: Counter,
    /// Files sent whole by FTP.
    pub ftp_files_sent: Counter,
    /// Bytes of files and listings sent by FTP.
    pub ftp_bytes_sent: Counter,
    /// Files received whole by FTP.
    pub ftp_files_received: Counter,
    /// Bytes of files received by FTP.
    pub ftp_bytes_received: Counter,
    /// FTP transfers that were cut off.
    pub ftp_transfers_cut: Counter,
    /// Datagrams taken by the DNS server.
    pub dns_queries: Counter,
    /// Datagrams sent by the DNS server.
    pub dns_answers: Counter,
    /// Answers that the kernel would not take.
    pub dns_unsent: Counter,
    /// Datagrams that the kernel dropped because they came faster than they were taken.
    pub dns_dropped: Counter,
    /// Times that a zone could not be signed anew.
    pub dns_signings_failed: Counter,
    /// Messages taken by the DNS server on connections.
    pub dns_messages: Counter,
    /// Answers kept back, or cut short, because their network got too many.
    pub dns_limited: Counter,
    /// Queries that ended in a fault of the program.
    pub dns_panics: Counter,
    /// Transfers, updates and notifications of strangers.
    pub dns_refused: Counter,
    /// Zones changed by dynamic updates.
    pub dns_updates: Counter,
    /// Zones fetched by others.
    pub dns_transfers_out: Counter,
    /// Zones fetched from others.
    pub dns_transfers_in: Counter,
    /// Looks at a primary that failed.
    pub dns_transfers_failed: Counter,
    /// Servers that did not answer when told of a change.
    pub dns_notifies_lost: Counter,
    /// Names looked up in the world, the same ones asked for meanwhile not counted.
    pub resolver_lookups: Counter,
    /// Those to which there was no answer.
    pub resolver_failures: Counter,
    /// Those whose answer was not valid.
    pub resolver_bogus: Counter,
    /// Messages sent for them.
    pub resolver_messages: Counter,
    /// Messages that came and only looked like an answer.
    pub resolver_forged: Counter,
}

/// The process's numbers.
pub fn metrics() -> &'static Metrics {
    static METRICS: std::sync::LazyLock<Metrics> = std::sync::LazyLock::new(Metrics::default);
    &METRICS
}

/// Name, help and value of a number that only grows.
type Total = (&'static str, &'static str, i128);

fn count(counter: &Counter) -> i128 {
    counter.0.load(Ordering::Relaxed).into()
}

impl Metrics {
    /// A service's numbers.
    pub fn service(&self, name: crate::listen::ServiceName) -> &PerService {
        &self.services[name as usize]
    }

    /// All numbers in the exposition format.
    pub fn render(&self) -> String {
        let mut text = String::new();
        type PerServiceRow = (&'static str, &'static str, &'static str, fn(&PerService) -> i128);
        let per_service: [PerServiceRow; 4] = [
            ("posthouse_connections_total", "counter", "Connections accepted.", |s| {
                s.connections.0.load(Ordering::Relaxed).into()
            }),
            ("posthouse_connections_open", "gauge", "Connections open now.", |s| {
                s.open.0.load(Ordering::Relaxed).into()
            }),
            ("posthouse_logins_total", "counter", "Logins that succeeded.", |s| {
                s.logins.0.load(Ordering::Relaxed).into()
            }),
            ("posthouse_login_failures_total", "counter", "Logins that failed.", |s| {
                s.login_failures.0.load(Ordering::Relaxed).into()
            }),
        ];
        for (name, kind, help, value) in per_service {
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
            for service in crate::listen::ServiceName::ALL {
                let _ = writeln!(text, "{name}{{service=\"{service}\"}} {}", value(self.service(service)));
            }
        }
        for (name, help, value) in self
            .mail_totals()
            .into_iter()
            .chain(self.ftp_totals())
            .chain(self.dns_totals())
            .chain(self.resolver_totals())
        {
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} counter\n{name} {value}");
        }
        text
    }

    fn mail_totals(&self) -> [Total; 7] {
        [
            (
                "posthouse_connections_refused_total",
                "Connections refused because too many were open.",
                count(&self.connections_refused),
            ),
            (
                "posthouse_tls_handshake_failures_total",
                "TLS handshakes that failed.",
                count(&self.handshake_failures),
            ),
            (
                "posthouse_messages_accepted_total",
                "Messages accepted by SMTP and LMTP.",
                count(&self.messages_accepted),
            ),
            (
                "posthouse_messages_accepted_bytes_total",
                "Bytes of the messages accepted.",
                count(&self.messages_accepted_bytes),
            ),
            (
                "posthouse_messages_refused_total",
                "Recipients and messages refused.",
                count(&self.messages_refused),
            ),
            (
                "posthouse_messages_delivered_total",
                "Messages placed into mailboxes.",
                count(&self.messages_delivered),
            ),
            (
                "posthouse_store_failures_total",
                "Answers that failed because the store did.",
                count(&self.store_failures),
            ),
        ]
    }

    fn ftp_totals(&self) -> [Total; 5] {
        [
            ("posthouse_ftp_files_sent_total", "Files sent whole by FTP.", count(&self.ftp_files_sent)),
            (
                "posthouse_ftp_sent_bytes_total",
                "Bytes of files and listings sent by FTP.",
                count(&self.ftp_bytes_sent),
            ),
            (
                "posthouse_ftp_files_received_total",
                "Files received whole by FTP.",
                count(&self.ftp_files_received),
            ),
            (
                "posthouse_ftp_received_bytes_total",
                "Bytes of files received by FTP.",
                count(&self.ftp_bytes_received),
            ),
            (
                "posthouse_ftp_transfers_cut_total",
                "FTP transfers that were cut off.",
                count(&self.ftp_transfers_cut),
            ),
        ]
    }

    fn resolver_totals(&self) -> [Total; 5] {
        [
            (
                "posthouse_resolver_lookups_total",
                "Names looked up in the world.",
                count(&self.resolver_lookups),
            ),
            (
                "posthouse_resolver_failures_total",
                "Look-ups to which there was no answer.",
                count(&self.resolver_failures),
            ),
            (
                "posthouse_resolver_bogus_total",
                "Look-ups whose answer was not valid.",
                count(&self.resolver_bogus),
            ),
            (
                "posthouse_resolver_messages_total",
                "Messages sent for look-ups.",
                count(&self.resolver_messages),
            ),
            (
                "posthouse_resolver_forged_total",
                "Messages that only looked like an answer.",
                count(&self.resolver_forged),
            ),
        ]
    }

    fn dns_totals(&self) -> [Total; 14] {
        [
            ("posthouse_dns_queries_total", "Datagrams taken by the DNS server.", count(&self.dns_queries)),
            ("posthouse_dns_answers_total", "Datagrams sent by the DNS server.", count(&self.dns_answers)),
            (
                "posthouse_dns_unsent_total",
                "Answers that the kernel would not take.",
                count(&self.dns_unsent),
            ),
            (
                "posthouse_dns_signings_failed_total",
                "Times that a zone could not be signed anew.",
                count(&self.dns_signings_failed),
            ),
            (
                "posthouse_dns_dropped_total",
                "Datagrams that the kernel dropped because they came faster than they were taken.",
                count(&self.dns_dropped),
            ),
            (
                "posthouse_dns_messages_total",
                "Messages taken by the DNS server on connections.",
                count(&self.dns_messages),
            ),
            (
                "posthouse_dns_limited_total",
                "Answers kept back, or cut short, because their network got too many.",
                count(&self.dns_limited),
            ),
            (
                "posthouse_dns_panics_total",
                "Queries that ended in a fault of the program.",
                count(&self.dns_panics),
            ),
            (
                "posthouse_dns_refused_total",
                "Transfers, updates and notifications of strangers.",
                count(&self.dns_refused),
            ),
            ("posthouse_dns_updates_total", "Zones changed by dynamic updates.", count(&self.dns_updates)),
            ("posthouse_dns_transfers_out_total", "Zones fetched by others.", count(&self.dns_transfers_out)),
            ("posthouse_dns_transfers_in_total", "Zones fetched from others.", count(&self.dns_transfers_in)),
            (
                "posthouse_dns_transfers_failed_total",
                "Looks at a primary that failed.",
                count(&self.dns_transfers_failed),
            ),
            (
                "posthouse_dns_notifies_lost_total",
                "Servers that did not answer when told of a change.",
                count(&self.dns_notifies_lost),
            ),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_help_and_type() {
        let text = Metrics::default().render();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let name = line.split(['{', ' ']).next().unwrap();
            assert!(text.contains(&format!("# HELP {name} ")), "{name}");
            assert!(text.contains(&format!("# TYPE {name} ")), "{name}");
            assert!(line.rsplit(' ').next().unwrap().parse::<i64>().is_ok(), "{line}");
        }
    }
}
