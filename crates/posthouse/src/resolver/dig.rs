//! What `posthouse dig` shows: an answer, its verdict, the chain of keys, and how it was found.

use super::{Finished, Resolver};
use ::dns::resolve::{Answer, Exchange, Link, LinkStatus, Outcome};
use ::dns::{Name, RecordType};
use serde::{Deserialize, Serialize};
use std::time::Instant;

/// A question.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DigRequest {
    /// The name, as written.
    pub name: String,
    /// The type, as written.
    pub rtype: String,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigReply {
    /// The name asked for.
    pub name: String,
    /// The type asked for.
    pub rtype: String,
    /// `secure`, `insecure`, `indeterminate` or `bogus`.
    pub verdict: String,
    /// `records`, `no-data`, `no-such-name` or `failed`.
    pub answer: String,
    /// The name answered for, where aliases lead.
    pub owner: String,
    /// The data found, as master files write it.
    pub records: Vec<String>,
    /// How long it may be remembered, in seconds.
    pub ttl_s: u32,
    /// The aliases followed.
    pub aliases: Vec<DigAlias>,
    /// What is wrong, in the terms of RFC 8914.
    pub error: Option<DigError>,
    /// The zones from the trust anchor down, as far as they mattered.
    pub chain: Vec<DigLink>,
    /// The messages sent, in order.
    pub messages: Vec<DigMessage>,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// An alias.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigAlias {
    /// The name that is one.
    pub name: String,
    /// `CNAME` or `DNAME`.
    pub by: String,
    /// What it leads to.
    pub target: String,
    /// What DNSSEC says of it.
    pub verdict: String,
}

/// Something wrong, or worth knowing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigError {
    /// The number of RFC 8914.
    pub code: u16,
    /// Its title.
    pub title: String,
    /// What happened here.
    pub text: String,
}

/// A zone of the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigLink {
    /// The zone.
    pub zone: String,
    /// `secure`, `insecure` or `bogus`.
    pub status: String,
    /// Why it is not secure.
    pub why: Option<String>,
    /// The DS records of the parent, or the trust anchors: `20326/8`, tag and algorithm.
    pub ds: Vec<String>,
    /// Its keys, likewise; those that a DS should speak of with a `*`.
    pub keys: Vec<String>,
}

/// A message and what it brought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigMessage {
    /// The server; nothing: a zone served here.
    pub server: Option<String>,
    /// The zone for which it was asked.
    pub zone: String,
    /// The name asked for.
    pub name: String,
    /// The type asked for.
    pub rtype: String,
    /// By TCP.
    pub tcp: bool,
    /// Milliseconds until its answer.
    pub took_ms: u64,
    /// What it said.
    pub result: String,
}

impl DigRequest {
    /// Reads the question.
    ///
    /// # Errors
    /// A sentence about what is wrong with it.
    pub fn parse(&self) -> Result<(Name, RecordType), String> {
        let name = self.name.parse().map_err(|error| format!("{:?} is no name: {error}", self.name))?;
        let rtype = self.rtype.parse().map_err(|_| format!("{:?} is no type of records", self.rtype))?;
        Ok((name, rtype))
    }
}

impl Resolver {
    /// Looks up and tells all about it.
    ///
    /// # Errors
    /// A sentence about what is wrong with the question.
    pub async fn dig(&self, question: &DigRequest) -> Result<DigReply, String> {
        let (name, rtype) = question.parse()?;
        let began = Instant::now();
        let Finished { outcome, request } = self.request(&name, rtype).await;
        let took_ms = milliseconds(began.elapsed());
        let chain = request.links(&mut self.engine(), &outcome.name);
        Ok(reply(&name, rtype, &outcome, (&chain, request.exchanges()), took_ms))
    }
}

fn milliseconds(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn reply(
    name: &Name,
    rtype: RecordType,
    outcome: &Outcome,
    (chain, messages): (&[Link], &[Exchange]),
    took_ms: u64,
) -> DigReply {
    let answer = match outcome.answer {
        Answer::Records(_) => "records",
        Answer::NoData => "no-data",
        Answer::NxDomain => "no-such-name",
        Answer::Failed => "failed",
    };
    DigReply {
        name: name.to_string(),
        rtype: rtype.to_string(),
        verdict: outcome.verdict.to_string(),
        answer: answer.into(),
        owner: outcome.name.to_string(),
        records: outcome.records().iter().map(ToString::to_string).collect(),
        ttl_s: outcome.ttl.seconds(),
        aliases: outcome
            .aliases
            .iter()
            .map(|alias| DigAlias {
                name: alias.name.to_string(),
                by: alias.by.to_string(),
                target: alias.target.to_string(),
                verdict: alias.verdict.to_string(),
            })
            .collect(),
        error: outcome.error.as_ref().map(|error| DigError {
            code: error.code,
            title: error.title().into(),
            text: error.text.clone(),
        }),
        chain: chain.iter().map(link).collect(),
        messages: messages.iter().map(message).collect(),
        took_ms,
    }
}

fn link(link: &Link) -> DigLink {
    let (status, why) = match &link.status {
        LinkStatus::Secure => ("secure", None),
        LinkStatus::Insecure(error) => ("insecure", error.as_ref().map(ToString::to_string)),
        LinkStatus::Bogus(error) => ("bogus", Some(error.to_string())),
    };
    let key = |(tag, algorithm, entry): &(u16, u8, bool)| {
        format!("{tag}/{algorithm}{}", if *entry { "*" } else { "" })
    };
    DigLink {
        zone: link.zone.to_string(),
        status: status.into(),
        why,
        ds: link.ds.iter().map(|(tag, algorithm)| format!("{tag}/{algorithm}")).collect(),
        keys: link.keys.iter().map(key).collect(),
    }
}

fn message(exchange: &Exchange) -> DigMessage {
    DigMessage {
        server: exchange.server.map(|server| server.to_string()),
        zone: exchange.zone.to_string(),
        name: exchange.name.to_string(),
        rtype: exchange.rtype.to_string(),
        tcp: exchange.tcp,
        took_ms: milliseconds(exchange.took),
        result: exchange.result.clone(),
    }
}
