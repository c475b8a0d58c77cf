//! What this server is, as far as its domains' records speak of it.

use super::mail_records::{CaaFacts, MailIn, MailService, NameServer, Web};
use crate::config::{Config, Listen};
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

/// What all domains here have in common. Read from the configuration once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostFacts {
    /// The host's name, lower case, without final dot.
    pub host: String,
    /// Its public addresses.
    pub addresses: Vec<IpAddr>,
    /// The name servers of the zones served here.
    pub name_servers: Vec<NameServer>,
    /// How mail comes in for domains with accounts.
    pub mail: MailIn,
    /// The services with their ports.
    pub services: Vec<(MailService, u16)>,
    /// Ports whose TLSA records are wanted.
    pub tlsa_ports: Vec<u16>,
    /// Who may issue certificates.
    pub caa: Option<CaaFacts>,
    /// What the web side answers for.
    pub web: Web,
    /// Where names are served; empty: nowhere here.
    pub dns_listen: Vec<SocketAddr>,
    /// The resolvers of the configuration.
    pub resolvers: Vec<SocketAddr>,
}

impl HostFacts {
    /// Whether zones are served here at all.
    pub fn serves_names(&self) -> bool {
        !self.dns_listen.is_empty()
    }
}

impl HostFacts {
    /// Reads them off a configuration.
    ///
    /// # Errors
    /// A sentence about an entry of `[dns] name_servers` that is none.
    pub fn of(config: &Config) -> Result<HostFacts, String> {
        let host = config.hostname.to_ascii_lowercase();
        let addresses = match config.dns.addresses.is_empty() {
            true => listened_on(&config.listen),
            false => config.dns.addresses.clone(),
        };
        let mut name_servers = Vec::new();
        for entry in &config.dns.name_servers {
            name_servers.push(name_server(entry, &addresses)?);
        }
        if name_servers.is_empty() {
            name_servers.push(NameServer { name: host.clone(), addresses: addresses.clone() });
        }
        let (listen, account) = (&config.listen, &config.dns.certificate_account);
        let mail = match (listen.smtp.is_empty(), listen.lmtp.is_empty()) {
            (false, _) => MailIn::Here,
            (true, false) => MailIn::Elsewhere,
            (true, true) => MailIn::Nowhere,
        };
        Ok(HostFacts {
            mail,
            services: services(listen),
            // Mail is brought to port 25 whatever port the listener has behind a redirection (RFC 7672 §3).
            tlsa_ports: if mail == MailIn::Here { vec![25] } else { Vec::new() },
            caa: (!config.dns.certificate_authority.is_empty()).then(|| CaaFacts {
                authority: config.dns.certificate_authority.clone(),
                account_uri: (!account.is_empty()).then(|| account.clone()),
            }),
            // No listener answers HTTPS for these names yet, so that none of them is advertised.
            web: Web::default(),
            dns_listen: listen.dns.clone(),
            resolvers: config.resolver.servers.clone(),
            host,
            addresses,
            name_servers,
        })
    }
}

/// An entry of `[dns] name_servers`.
fn name_server(entry: &str, own: &[IpAddr]) -> Result<NameServer, String> {
    let mut words = entry.split_whitespace();
    let name = words.next().unwrap_or("").trim_end_matches('.').to_ascii_lowercase();
    let addresses: Result<Vec<IpAddr>, _> = words.map(str::parse).collect();
    match addresses {
        Ok(addresses) if !name.is_empty() => {
            let addresses = if addresses.is_empty() { own.to_vec() } else { addresses };
            Ok(NameServer { name, addresses })
        }
        _ => Err(format!(
            "[dns] name_servers: {entry:?} is not a name with addresses, such as \"ns2.example.net 198.51.100.2\""
        )),
    }
}

/// The addresses that services listen on and others can reach: no wildcards, and loopback only where there is
/// nothing else, as in a test.
fn listened_on(listen: &Listen) -> Vec<IpAddr> {
    let lists =
        [&listen.smtp, &listen.submission, &listen.submissions, &listen.imap, &listen.imaps, &listen.dns];
    let all: BTreeSet<IpAddr> = lists
        .into_iter()
        .flatten()
        .map(|address| address.ip().to_canonical())
        .filter(|address| !address.is_unspecified())
        .collect();
    let public: Vec<IpAddr> = all.iter().copied().filter(|address| !address.is_loopback()).collect();
    if public.is_empty() { all.into_iter().collect() } else { public }
}

fn services(listen: &Listen) -> Vec<(MailService, u16)> {
    let lists: [(MailService, &Vec<SocketAddr>); 6] = [
        (MailService::Submissions, &listen.submissions),
        (MailService::Submission, &listen.submission),
        (MailService::Imaps, &listen.imaps),
        (MailService::Imap, &listen.imap),
        (MailService::Pop3s, &listen.pop3s),
        (MailService::Pop3, &listen.pop3),
    ];
    lists.iter().filter_map(|(service, list)| Some((*service, list.first()?.port()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn facts(text: &str) -> Result<HostFacts, String> {
        let text = format!("hostname = 'MX.example.org'\ndata_dir = 'x'\n{text}");
        HostFacts::of(&Config::parse(&text, Path::new(".")).unwrap())
    }

    fn addresses(texts: &[&str]) -> Vec<IpAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn addresses_are_those_that_others_can_reach() {
        let table = [
            ("smtp = ['0.0.0.0:25', '[::]:25']", &[][..]),
            ("smtp = ['127.0.0.1:25']\nimaps = ['192.0.2.1:993']", &["192.0.2.1"]),
            ("smtp = ['127.0.0.1:2525']\ndns = ['127.0.0.1:53']", &["127.0.0.1"]),
            ("dns = ['[2001:db8::1]:53', '192.0.2.1:53']", &["192.0.2.1", "2001:db8::1"]),
        ];
        for (listen, expected) in table {
            let facts = facts(&format!("[listen]\n{listen}")).unwrap();
            assert_eq!(facts.addresses, addresses(expected), "{listen}");
        }
        let told = facts("[listen]\nsmtp = ['192.168.1.1:25']\n[dns]\naddresses = ['198.51.100.1']").unwrap();
        assert_eq!(told.addresses, addresses(&["198.51.100.1"]));
    }

    #[test]
    fn services_and_the_way_of_mail_follow_the_listeners() {
        let full = facts("[listen]\nsmtp = ['192.0.2.1:25']\nimaps = ['192.0.2.1:2993']").unwrap();
        assert_eq!((full.mail, &full.services[..]), (MailIn::Here, &[(MailService::Imaps, 2993)][..]));
        assert_eq!((full.host.as_str(), full.serves_names()), ("mx.example.org", false));
        assert_eq!(facts("[listen]\nlmtp = ['127.0.0.1:24']").unwrap().mail, MailIn::Elsewhere);
        let names = facts("[listen]\ndns = ['192.0.2.1:53']").unwrap();
        assert_eq!((names.mail, names.serves_names()), (MailIn::Nowhere, true));
    }

    #[test]
    fn name_servers_are_this_host_or_those_told() {
        let alone = facts("[listen]\ndns = ['192.0.2.1:53']").unwrap().name_servers;
        assert_eq!(
            alone,
            [NameServer { name: "mx.example.org".into(), addresses: addresses(&["192.0.2.1"]) }]
        );
        let text = "[listen]\ndns = ['192.0.2.1:53']\n[dns]\nname_servers = ['ns1.example.org.', 'NS2.example.net 198.51.100.2']";
        let two = facts(text).unwrap().name_servers;
        assert_eq!(two[0].addresses, addresses(&["192.0.2.1"]));
        assert_eq!(
            (two[1].name.as_str(), &two[1].addresses),
            ("ns2.example.net", &addresses(&["198.51.100.2"]))
        );
        assert!(facts("[dns]\nname_servers = ['ns1.example.org nowhere']").unwrap_err().contains("nowhere"));
    }
}
