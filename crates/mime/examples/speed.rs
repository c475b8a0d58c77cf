//! How long the work of a delivery takes: parsing a letter of 4 KB and making its overview.
//! Run with `cargo run --release -p mime --example speed`.
#![allow(clippy::print_stdout)]

use std::hint::black_box;
use std::time::Instant;

use mime::{Message, Overview, OverviewRef, SearchText};

fn letter() -> Vec<u8> {
    let mut raw = b"Return-Path: <sender@example.org>\r\nDelivered-To: reader@example.net\r\n\
        Received: from mx.example.org (mx.example.org [192.0.2.1])\r\n\tby mx.example.net with ESMTPS id 4711abc\r\n\
        \tfor <reader@example.net>; Mon, 23 Nov 2026 05:00:00 +0000\r\n\
        Received: from client.example.org by mx.example.org; Mon, 23 Nov 2026 04:59:58 +0000\r\n\
        DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=s1;\r\n\
        \th=from:to:subject:date:message-id; bh=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=;\r\n\
        \tb=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\r\n\
        From: A Sender <sender@example.org>\r\nTo: The Reader <reader@example.net>, other@example.net\r\n\
        Cc: \"Third, Party\" <third@example.com>\r\nSubject: The letter of today, with a subject of usual length\r\n\
        Date: Mon, 23 Nov 2026 05:59:57 +0100\r\nMessage-ID: <20261123.4711.abc@example.org>\r\n\
        In-Reply-To: <20261122.1@example.net>\r\nReferences: <20261120.7@example.net> <20261122.1@example.net>\r\n\
        User-Agent: Example 1.0\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8; format=flowed\r\n\
        Content-Transfer-Encoding: 8bit\r\nContent-Language: en\r\n\r\n"
        .to_vec();
    while raw.len() < 4096 {
        raw.extend_from_slice(b"This is a line of the letter, as long as lines of letters usually are.\r\n");
    }
    raw
}

fn measure(name: &str, mut work: impl FnMut()) {
    const ROUNDS: u32 = 20_000;
    // The best of several runs is what the code costs; the others also cost what else ran.
    let best = (0..7)
        .map(|_| {
            let start = Instant::now();
            (0..ROUNDS).for_each(|_| work());
            start.elapsed().as_nanos() / u128::from(ROUNDS)
        })
        .min();
    println!("{name:<28} {:>8} ns", best.unwrap_or_default());
}

fn main() {
    let raw = letter();
    println!("a letter of {} bytes", raw.len());
    measure("parse", || {
        black_box(Message::parse(black_box(&raw)));
    });
    measure("parse, overview", || {
        black_box(Overview::build(&Message::parse(black_box(&raw))));
    });
    measure("parse, overview, to_bytes", || {
        black_box(Overview::build(&Message::parse(black_box(&raw))).to_bytes());
    });
    let message = Message::parse(&raw);
    measure("envelope", || {
        black_box(mime::envelope(black_box(&message)));
    });
    measure("body structure", || {
        black_box(mime::body_structure(black_box(&message), true));
    });
    measure("all header fields", || {
        black_box(message.headers().iter().filter(|f| mime::overview::is_cached_field(f.name)).count());
    });
    let bytes = Overview::build(&Message::parse(&raw)).to_bytes();
    measure("read overview", || {
        black_box(OverviewRef::parse(black_box(&bytes)));
    });
    let names = ["From", "To", "Cc", "Subject", "Date", "Message-ID", "References", "Content-Type"];
    measure("HEADER.FIELDS from overview", || {
        black_box(OverviewRef::parse(black_box(&bytes)).and_then(|o| o.cached_header_fields(&names, false)));
    });
    measure("parse, search text", || {
        black_box(SearchText::build(&Message::parse(black_box(&raw))));
    });
    println!("the overview has {} bytes", bytes.len());
}
