//! `posthouse dig`: one question to the resolver, and all that can be said of its answer.

use super::Failure;
use crate::admin::{Reply, Request};
use crate::clock::Clock;
use crate::config::{self, Config};
use crate::control;
use crate::dns::snapshot::Snapshot;
use crate::resolver::Resolver;
use crate::resolver::dig::{DigLink, DigReply, DigRequest};
use crate::server;
use clap::Args;
use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::process::ExitCode;

pub(super) const EXAMPLES: &str = "Examples:
  posthouse dig example.org                        its addresses
  posthouse dig example.org MX
  posthouse dig _25._tcp.mx.example.org TLSA --trace
  posthouse dig example.org MX @9.9.9.9            through another resolver, validated here
  posthouse --json dig example.org TXT

The running server is asked; without one, the same is done by this command. An @server searches
for us and is believed no more than anyone else: signatures are verified here.

Exit codes: 0 found, or proven not to exist; 1 failed or bogus; 2 wrong command line.";

/// The exit code for words that are no question.
const COMMAND_LINE_WRONG: u8 = 2;

/// What is asked.
#[derive(Debug, Args)]
pub struct DigArguments {
    /// The name, the type (A if none is given), and perhaps `@` and the address of a resolver, in any order
    #[arg(required = true, num_args = 1..=3, value_name = "NAME|TYPE|@SERVER")]
    words: Vec<String>,
    /// Show each message that was sent, and what came of it
    #[arg(long)]
    trace: bool,
}

/// The words, told apart.
struct Question {
    question: DigRequest,
    server: Option<SocketAddr>,
}

fn read(words: &[String]) -> Result<Question, Failure> {
    let (mut name, mut rtype, mut server) = (None, None, None);
    for word in words {
        if let Some(address) = word.strip_prefix('@') {
            let with_port = address.parse::<SocketAddr>().ok();
            let alone = || address.parse::<IpAddr>().ok().map(|address| SocketAddr::new(address, 53));
            let found = with_port.or_else(alone);
            server = Some(found.ok_or_else(|| format!("{word:?} is no @ADDRESS or @ADDRESS:PORT"))?);
        } else if name.is_none() {
            name = Some(word.clone());
        } else if rtype.is_none() {
            rtype = Some(word.clone());
        } else {
            return Err(format!("{word:?} is one word too many").into());
        }
    }
    let name = name.ok_or("there is no name")?;
    let question = DigRequest { name, rtype: rtype.unwrap_or_else(|| "A".into()) };
    question.parse()?;
    Ok(Question { question, server })
}

/// Asks and prints.
///
/// # Errors
/// A sentence for the person at the terminal.
pub(super) fn run(arguments: &DigArguments, config: &Path, json: bool) -> Result<ExitCode, Failure> {
    let Question { question, server } = match read(&arguments.words) {
        Ok(question) => question,
        Err(why) => {
            writeln!(io::stderr(), "posthouse: {why}")?;
            return Ok(ExitCode::from(COMMAND_LINE_WRONG));
        }
    };
    // Without a configuration the world is what it usually is.
    let config = match config.exists() {
        true => Some(Config::load(config)?),
        false => None,
    };
    let reply = match (server, &config) {
        (Some(server), config) => {
            let base = config.as_ref().map(|config| config.resolver.clone()).unwrap_or_default();
            alone(&config::Resolver { servers: vec![server], ..base }, None, &question)?
        }
        (None, Some(config)) => {
            match control::ask(&config.data_dir, &Request::Dig(question.clone()), &mut |_| ())? {
                Some(Reply::Dig(reply)) => *reply,
                Some(Reply::Failed { message }) => return Err(message.into()),
                Some(_) => return Err("the running server is of another version".into()),
                None => alone(&config.resolver, Some(config), &question)?,
            }
        }
        (None, None) => alone(&config::Resolver::default(), None, &question)?,
    };
    let mut out = io::stdout().lock();
    match json {
        true => writeln!(out, "{}", serde_json::to_string_pretty(&reply)?)?,
        false => print(&mut out, &reply, arguments.trace)?,
    }
    let found = reply.answer != "failed";
    Ok(if found { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Asks without a running server; zones of the store are answered from there.
fn alone(
    resolver: &config::Resolver,
    config: Option<&Config>,
    question: &DigRequest,
) -> Result<DigReply, Failure> {
    let snapshot = Snapshot::default();
    if let Some(config) = config {
        server::load_for_command(config, &snapshot)?;
    }
    let resolver = Resolver::new(resolver, snapshot.served().clone(), Clock::new())?;
    Ok(crate::runtime::build()?.block_on(resolver.dig(question))?)
}

fn print(out: &mut impl Write, reply: &DigReply, trace: bool) -> io::Result<()> {
    if trace {
        print_messages(out, reply)?;
    }
    for alias in &reply.aliases {
        writeln!(out, "{}  {}  {}   ({})", alias.name, alias.by, alias.target, alias.verdict)?;
    }
    for data in &reply.records {
        writeln!(out, "{}  {}  {}  {data}", reply.owner, reply.ttl_s, reply.rtype)?;
    }
    match reply.answer.as_str() {
        "no-data" => writeln!(out, "{} has no {}", reply.owner, reply.rtype)?,
        "no-such-name" => writeln!(out, "{} does not exist", reply.owner)?,
        "failed" => writeln!(out, "no answer for {} {}", reply.owner, reply.rtype)?,
        _ => {}
    }
    writeln!(out, "\n{}", verdict(&reply.verdict))?;
    if let Some(error) = &reply.error {
        // Strangers' words: nothing in them may move the cursor.
        writeln!(out, "  {} (EDE {}): {}", error.title, error.code, error.text.escape_debug())?;
    }
    for link in &reply.chain {
        print_link(out, link)?;
    }
    let asked = reply.messages.iter().filter(|message| message.server.is_some()).count();
    writeln!(out, "\n{asked} messages, {} ms", reply.took_ms)
}

fn verdict(verdict: &str) -> &'static str {
    match verdict {
        "secure" => "secure: signed, from the trust anchor to this answer",
        "insecure" => "insecure: proven to be below a delegation without signatures",
        "bogus" => "bogus: it should be signed, and is not or not rightly",
        _ => "indeterminate: nothing can be said",
    }
}

fn print_link(out: &mut impl Write, link: &DigLink) -> io::Result<()> {
    let sign = match link.status.as_str() {
        "secure" => "✓",
        "bogus" => "✗",
        _ => "-",
    };
    let list = |all: &[String]| if all.is_empty() { "none".into() } else { all.join(" ") };
    write!(out, "  {sign} {}  DS {}  DNSKEY {}", link.zone, list(&link.ds), list(&link.keys))?;
    match &link.why {
        Some(why) => writeln!(out, "  {}", why.escape_debug()),
        None => writeln!(out),
    }
}

fn print_messages(out: &mut impl Write, reply: &DigReply) -> io::Result<()> {
    for message in &reply.messages {
        let server = message.server.as_deref().unwrap_or("served here");
        let way = if message.tcp { " by TCP" } else { "" };
        writeln!(
            out,
            "{:>5} ms  {server}{way} for {}: {} {} → {}",
            message.took_ms,
            message.zone,
            message.name,
            message.rtype,
            message.result.escape_debug()
        )?;
    }
    if !reply.messages.is_empty() {
        writeln!(out)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Result<Question, Failure> {
        read(&text.split(' ').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn words_are_told_apart() {
        let found = words("@192.0.2.1 example.org mx").unwrap();
        assert_eq!((found.question.name.as_str(), found.question.rtype.as_str()), ("example.org", "mx"));
        assert_eq!(found.server, Some("192.0.2.1:53".parse().unwrap()));
        assert_eq!(
            words("example.org @[2001:db8::1]:5353").unwrap().server,
            Some("[2001:db8::1]:5353".parse().unwrap())
        );
        assert_eq!(words("example.org").unwrap().question.rtype, "A");
        for bad in ["example.org NONSENSE", "example.org A B", "@nowhere a", "a..b", "@192.0.2.1"] {
            assert!(words(bad).is_err(), "{bad}");
        }
    }
}
