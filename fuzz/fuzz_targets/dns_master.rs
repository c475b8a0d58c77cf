//! Master files: any text is a zone or is refused; a zone written is the same zone read; its data as `domain`
//! reads it.
#![no_main]

mod words;

use dns::master::{Include, MasterText, NoInclude, read};
use dns::{CompiledZone, Name, RecordType, ZoneData};
use domain::base::iana::Class;
use domain::base::rdata::ComposeRecordData;
use domain::zonefile::inplace::{Entry, Zonefile};
use libfuzzer_sys::fuzz_target;

#[rustfmt::skip]
const WORDS: &[&[u8]] = &[
    b"\n", b" ", b"\t", b"(", b")", b";", b"\"", b"\\", b"\\065", b"@", b"*", b".", b"$TTL 60\n", b"$ORIGIN a\n",
    b"$INCLUDE f\n", b"a ", b"b.a ", b"60 ", b"1h2m ", b"IN ", b"CH ", b"A 192.0.2.1\n", b"AAAA ::1\n",
    b"@ SOA a b 1 2 3 4 5\n", b"NS a\n", b"MX 10 a\n", b"TXT x \"y\"\n", b"CNAME b\n", b"DNAME b\n", b"PTR a\n",
    b"SRV 0 1 25 a\n", b"CAA 0 issue \"x\"\n", b"TLSA 3 1 1 00\n", b"SSHFP 4 2 00\n", b"SVCB 1 . ",
    b"HTTPS 1 a ", b"alpn=\"h2,h3\" ", b"port=1 ", b"mandatory=port ", b"ipv4hint=192.0.2.1 ", b"key9=x ",
    b"NAPTR 1 2 \"s\" \"\" \"\" a\n", b"URI 1 2 \"x:\"\n", b"LOC 1 N 2 E 3m\n", b"APL 1:192.0.2.0/24\n", b"HINFO a b\n",
    b"RP a b\n", b"CERT 1 2 3 AAEC\n", b"DS 1 13 9 00\n", b"DNSKEY 256 3 13 AAEC\n", b"NSEC a A MX\n",
    b"NSEC3 1 0 0 - 2vptu5timamqttgl4luu9kg21e0aor3s A\n", b"NSEC3PARAM 1 0 0 -\n", b"CSYNC 1 2 A\n", b"EUI48 ",
    b"00-00-5e-00-53-2a\n", b"TYPE65280 \\# 2 ", b"0001\n", b"OPENPGPKEY AAEC\n",
];

struct Files(Vec<u8>);

impl Include for Files {
    fn open(&mut self, _: &str) -> Result<Vec<u8>, String> {
        Ok(self.0.clone())
    }
}

fuzz_target!(|input: (Vec<(u8, Vec<u8>)>, Vec<(u8, Vec<u8>)>)| {
    let apex: Name = "zone.example.".parse().expect("a name");
    let (text, included) = (words::text(WORDS, &input.0), words::text(WORDS, &input.1));
    // A file that includes itself eight deep, twice each time, is long before it is refused.
    let includes = included.windows(8).filter(|part| part.eq_ignore_ascii_case(b"$INCLUDE")).count();
    let mut files = Files(if includes > 1 { Vec::new() } else { included });
    let Ok(zone) = read(&apex, "zone", &text, &mut files) else { return };
    let text = MasterText(&zone).to_string();
    assert_eq!(read(&apex, "zone", text.as_bytes(), &mut NoInclude).as_ref(), Ok(&zone));
    dns::check::check(&zone);
    if let Ok(compiled) = CompiledZone::new(&zone) {
        assert_eq!(compiled.to_data(), zone);
    }
    with_domain(&zone);
});

/// What we write of common types, `domain` reads as the same data.
fn with_domain(zone: &ZoneData) {
    let known = [RecordType::A, RecordType::AAAA, RecordType::NS, RecordType::MX, RecordType::TXT, RecordType::CNAME];
    for record in zone.records().filter(|record| known.contains(&record.rtype())) {
        let line = format!("{record}\n");
        let mut file = Zonefile::from(line.as_bytes());
        file.set_default_class(Class::IN);
        let Ok(Some(Entry::Record(theirs))) = file.next_entry() else { panic!("refused: {line}") };
        let mut wire: Vec<u8> = Vec::new();
        theirs.data().compose_rdata(&mut wire).expect("memory");
        assert_eq!(wire, record.data.as_wire(), "{line}");
    }
}
