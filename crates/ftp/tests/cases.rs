//! Bad input and what it gets: fifty-six cases, each with every line cut at every byte. Where sockets or
//! files decide as well, the case here is the session's part of it.

#![allow(clippy::unwrap_used, reason = "a test program; clippy exempts only functions marked as tests")]

mod post;
mod world;

use transcript::{Cut, Script, Step, replay};

/// Says hello and logs in.
const IN: &str = "S: 220 …\nC: USER alice\nS: 331 …\nC: PASS secret\nS: 230 …\nC: TYPE I\nS: 200 …\n";
/// Says hello, starts TLS and logs in.
const IN_TLS: &str =
    "S: 220 …\nC: AUTH TLS\nS: 234 …\nTLS\nC: USER alice\nS: 331 …\nC: PASS secret\nS: 230 …\n";
/// Says hello.
const OUT: &str = "S: 220 …\n";

/// Number, what stands before the dialogue, and the dialogue.
const CASES: &[(u8, &str, &str)] = &[
    // Login and state.
    (1, OUT, "C: PASS x\nS: 503 …"),
    (2, OUT, "C: USER\nS: 501 …"),
    (3, OUT, "C: USER nobody\nS: 331 Password, please.\nC: PASS x\nS: 530 …\nC: USER alice\nS: 331 Password, please."),
    (4, OUT, "C: LIST\nS: 530 …"),
    (
        5,
        OUT,
        "C: USER alice\nS: 331 …\nC: PASS 1\nS: 530 …\nC: USER alice\nS: 331 …\nC: PASS 2\nS: 530 …
C: USER alice\nS: 331 …\nC: PASS 3\nS: 530 …\nC: USER alice\nS: 331 …\nC: PASS 4\nS: 530 …
C: USER alice\nS: 331 …\nC: PASS 5\nS: 530 …\nC: USER alice\nS: 331 …\nC: PASS 6\nS: 421 …\nS! closed",
    ),
    (
        6,
        IN,
        "C: PASV\nS: 227 …\nC: RETR read.me\nS: 150 …\nC: USER camera\nC: PWD\nE: ended done
S: 226 …\nS: 331 …\nS: 530 …",
    ),
    (7, IN, "C: RNTO b\nS: 503 …"),
    (8, IN, "C: RNFR read.me\nS: 350 …\nC: NOOP\nS: 200 …\nC: RNTO b\nS: 503 …"),
    (9, IN, "C: PASV\nS: 227 …\nC: RETR read.me\nS: 150 …\nC: REIN\nE: ended done\nS: 226 …\nS: 220 …\nC: PWD\nS: 530 …"),
    (10, "@ plain never\nS: 220 …\n", "C: USER alice\nS: 530 …"),
    // Lines and bytes.
    (11, OUT, "C: \\{5000*x}\nS: 500 …\nC: NOOP\nS: 200 …"),
    (12, OUT, "C* \\{1048576*x}\nS: 421 …\nS! closed"),
    (13, OUT, "C* NOOP\\n\nS: 200 …"),
    (14, IN, "C* CWD a\\rb\\r\\n\nS: 501 …"),
    (15, IN, "C* CWD a\\0b\\r\\n\nS: 501 …"),
    (16, IN, "C: PASV\nS: 227 …\nC: RETR read.me\nS: 150 …\nC* \\xff\\xf4\\xff\\xf2ABOR\\r\\n\nE: ended aborted\nS: 426 …\nS: 226 …"),
    (17, OUT, "C* \\xff\\xfd\\x01NO\\xff\\xfb\\x03OP\\r\\n\nS: 200 …"),
    (18, IN, "C* MKD \\xe9t\\xe9\\r\\n\nS: 553 …"),
    (19, OUT, "C: QUITX\nS: 500 …"),
    (20, IN, "C: type i\nS: 200 …"),
    (21, OUT, "C* GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n\nS: 500 …\nS! closed"),
    (22, OUT, "C* \\x16\\x03\\x01\\x02\\0\\x01\\0\\x01\\xfc\\x03\\x03\\r\\nUSER x\\r\\n\nS: 500 This is an FTP server.\nS! closed"),
    // 23, two hundred commands in one packet: tests/bounds.rs.
    (24, IN, "C* MKD x\\r\\n250 done\\r\\n\nS: 257 \"/x\" created.\nS: 500 …\nC: MKD 257 \"\nS: 257 \"/257 \"\"\" created."),
    (25, IN, "C: MKD a\"b\nS: 257 \"/a\"\"b\" created."),
    // PORT and PASV.
    (26, IN, "C: PORT 10,0,0,9,4,1\nS: 501 …\nC: LIST\nS: 425 …"),
    (27, IN, "C: PORT 192,0,2,1,0,22\nS: 500 …\nC: LIST\nS: 425 …"),
    (
        28,
        IN,
        "C: PORT 1,2,3\nS: 501 …\nC: PORT 256,0,2,1,4,1\nS: 501 …\nC: PORT 192,0,2,1,-4,1\nS: 501 …
C: PORT 192,0,2,1,4,1,1\nS: 501 …\nC: PORT 192,,0,2,1,4,1\nS: 501 …\nC: PORT 192,x,0,2,1,4,1\nS: 501 …",
    ),
    (29, IN, "C: EPRT |3|x|1|\nS: 522 …(1)"),
    (30, IN, "C: EPRT |2|2001:db8::1|2000|\nS: 522 …\nC: EPRT |1|2001:db8::1|2000|\nS: 501 …"),
    (31, IN, "C: EPSV 2\nS: 522 …"),
    (
        32,
        IN,
        "C: EPSV ALL\nS: 200 …\nC: PORT 192,0,2,1,4,1\nS: 501 …\nC: PASV\nS: 501 …
C: EPRT |1|192.0.2.1|2000|\nS: 501 …\nC: EPSV\nS: 229 …",
    ),
    (33, "@ client 2001:db8::1\nS: 220 …\nC: USER alice\nS: 331 …\nC: PASS secret\nS: 230 …\n", "C: PASV\nS: 425 …"),
    // 34, five hundred listeners: tests/bounds.rs. 35, a race for the port: the driver's.
    (36, IN, "C: RETR read.me\nS: 425 …"),
    (37, IN, "C: PASV\nS: 227 …\nC: RETR read.me\nS: 150 …\nE: ended not-connected\nS: 425 …\nC: NOOP\nS: 200 …"),
    (38, IN, "C: PASV\nS: 227 …\nC: RETR read.me\nS: 150 …\nE: ended timed-out\nS: 426 …"),
    // TLS. 39, bytes behind AUTH, depends on how they are cut: tests/bounds.rs.
    (40, IN_TLS, "C: PROT P\nS: 503 …"),
    (41, IN, "C: PROT P\nS: 503 …"),
    (42, IN_TLS, "C: PBSZ 0\nS: 200 …\nC: PROT S\nS: 536 …\nC: PROT E\nS: 536 …\nC: PROT X\nS: 504 …"),
    (43, IN_TLS, "C: AUTH TLS\nS: 503 …"),
    (44, IN_TLS, "C: CCC\nS: 533 …"),
    (
        45,
        IN_TLS,
        "C: PBSZ 0\nS: 200 …\nC: PROT P\nS: 200 …\nC: EPSV\nS: 229 …\nC: STOR x\nS: 150 …
E: transfer binding: Require\nE: ended not-protected\nS: 522 …",
    ),
    (
        46,
        IN_TLS,
        "C: PBSZ 0\nS: 200 …\nC: PROT P\nS: 200 …\nC: EPSV\nS: 229 …\nC: STOR x\nS: 150 …
E: ended broken\nS: 426 …",
    ),
    (
        47,
        "@ profile plain\nS: 220 …\nC: USER alice\nS: 331 …\nC: PASS secret\nS: 230 …\n",
        "C: CWD docs\nS: 250 …\nC: TYPE I\nS: 200 …\nC: REST 5\nS: 350 …\nC: AUTH TLS\nS: 234 …\nTLS
C: USER alice\nS: 331 …\nC: PASS secret\nS: 230 …\nC: PWD\nS: 257 \"/\" …\nC: PASV\nS: 227 …\nC: RETR read.me\nS: 150 …
E: transfer offset: 0\nE: ended done\nS: 226 …",
    ),
    // Transfers and files.
    (
        48,
        IN,
        "C: REST -1\nS: 501 …\nC: REST 18446744073709551616\nS: 501 …\nC: REST abc\nS: 501 …
C: PASV\nS: 227 …\nC: REST 18\nS: 350 …\nC: RETR read.me\nS: 554 …\nC: REST 18\nS: 350 …\nC: STOR read.me\nS: 554 …
C: REST 1\nS: 350 …\nC: STOU\nS: 503 …",
    ),
    (49, IN, "C: PASV\nS: 227 …\nC: REST 5\nS: 350 …\nC: NOOP\nS: 200 …\nC: RETR read.me\nS: 150 …\nE: transfer offset: 0\nE: ended done\nS: 226 …"),
    (
        50,
        IN,
        "C: TYPE E\nS: 504 …\nC: TYPE A T\nS: 504 …\nC: TYPE L 7\nS: 504 …\nC: MODE B\nS: 504 …\nC: STRU P\nS: 504 …",
    ),
    (51, IN, "C: PASV\nS: 227 …\nC: RETR /docs\nS: 550 …\nC: RETR /\nS: 550 …"),
    (52, IN, "C: CWD ../../..\nS: 250 \"/\" …\nC: CWD docs/../../../..\nS: 250 \"/\" …"),
    (53, IN, "C: PASV\nS: 227 …\nC: LIST */*/*/../*/*\nS: 550 …\nC: NLST a*a*a*a*a*b\nS: 150 …\nE: ended done\nS: 226 …"),
    (54, IN, "C: STAT -R /\nS: 213-…\nS:  d… docs\nS:  d… empty\nS:  -… read.me\nS: 213 …"),
    (
        55,
        IN,
        "C: PASV\nS: 227 …\nC: STOR x\nS: 150 …\nE: ended over-quota\nS: 552 …
C: PASV\nS: 227 …\nC: STOR x\nS: 150 …\nE: ended no-space\nS: 452 …",
    ),
    (
        56,
        IN,
        "C: MDTM 20250101000000 read.me\nS: 213 …\nC: MFMT 99999999999999 read.me\nS: 501 …
C: SITE CHMOD 9999 read.me\nS: 501 …\nC: SITE UTIME garbage\nS: 501 …",
    ),
    (56, OUT, "C: HOST a b\nS: 501 …\nC: HOST unknown.example\nS: 504 …\nC: USER alice\nS: 331 …\nC: HOST files.example.org\nS: 503 …"),
];

#[test]
fn bad_input_gets_what_it_should() {
    for (number, before, dialogue) in CASES {
        let script = Script::parse(&format!("case {number}"), &format!("{before}{dialogue}\n"));
        let lens =
            script.steps.iter().map(|(_, step)| if let Step::Send(bytes) = step { bytes.len() } else { 0 });
        let longest = lens.max().unwrap_or(0).min(60);
        let cuts = [Cut::Nowhere, Cut::Everywhere].into_iter().chain((1..longest).map(Cut::After));
        for cut in cuts {
            replay(&script, post::peer(&script).as_mut(), cut)
                .unwrap_or_else(|mismatch| panic!("{mismatch}"));
        }
    }
}
