//! The work of a delivery, many times: parsing a letter of 4 KB, making its overview, writing it.
//!
//! A clock has no place in this crate, so the time is taken from outside:
//! `cargo build --release -p mime --example mime_speed`, then `time target/release/examples/mime_speed`.
//! Milliseconds of user time divided by 100 are microseconds per delivery.
#![allow(clippy::print_stdout)]

use std::hint::black_box;

use mime::{Message, Overview};

const DELIVERIES: u32 = 100_000;

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

fn main() {
    let raw = letter();
    let mut overview_len_bytes = 0;
    for _ in 0..DELIVERIES {
        let message = Message::parse(black_box(&raw));
        overview_len_bytes = black_box(Overview::build(&message).to_bytes()).len();
    }
    println!("{DELIVERIES} letters of {} bytes; each overview has {overview_len_bytes} bytes", raw.len());
}
