//! The text of HTML, roughly: enough for a preview.

/// Elements whose content is not text.
const HIDDEN: [&str; 5] = ["style", "script", "head", "title", "noscript"];

/// Appends the text of `html` to `out` until it has `len_max_bytes`: tags become spaces, styles,
/// scripts, comments and the head go, entities are resolved.
pub(crate) fn text_into(html: &str, len_max_bytes: usize, out: &mut String) {
    let mut rest = html;
    while out.len() < len_max_bytes {
        let Some(at) = memchr::memchr2(b'<', b'&', rest.as_bytes()) else {
            out.push_str(rest);
            return;
        };
        out.push_str(&rest[..at]);
        rest = match rest.as_bytes()[at] {
            b'<' => behind_tag(&rest[at..], out),
            _ => entity(&rest[at..], out),
        };
    }
}

/// What is behind the tag, comment or hidden element at the start of `rest`.
fn behind_tag<'h>(rest: &'h str, out: &mut String) -> &'h str {
    if let Some(comment) = rest.strip_prefix("<!--") {
        return comment.find("-->").map_or("", |end| &comment[end + 3..]);
    }
    let inner = &rest[1..];
    if !inner.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?')) {
        out.push('<');
        return inner;
    }
    let Some(end) = memchr::memchr(b'>', inner.as_bytes()) else { return "" };
    let behind = &inner[end + 1..];
    let name = inner.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
    out.push(' ');
    match HIDDEN.iter().find(|hidden| hidden.eq_ignore_ascii_case(name)) {
        // A head may be left open, since HTML lets its end be implied; the others may not.
        Some(hidden) => behind_close(behind, hidden).unwrap_or(if *hidden == "head" { behind } else { "" }),
        None => behind,
    }
}

/// What is behind the closing tag of `name`; `None` if it is never closed.
fn behind_close<'h>(rest: &'h str, name: &str) -> Option<&'h str> {
    let bytes = rest.as_bytes();
    let mut at = 0;
    loop {
        at += memchr::memmem::find(&bytes[at..], b"</")? + 2;
        let tag = &bytes[at..];
        let named = tag.get(..name.len()).is_some_and(|tag| tag.eq_ignore_ascii_case(name.as_bytes()));
        if named && !tag.get(name.len()).is_some_and(u8::is_ascii_alphanumeric) {
            let end = memchr::memchr(b'>', tag).map_or(rest.len(), |end| at + end + 1);
            return rest.get(end..);
        }
    }
}

/// Resolves the entity at the start of `rest`, which begins with `&`.
fn entity<'h>(rest: &'h str, out: &mut String) -> &'h str {
    const NAMED: [(&str, char); 12] = [
        ("amp", '&'),
        ("lt", '<'),
        ("gt", '>'),
        ("quot", '"'),
        ("apos", '\''),
        ("nbsp", ' '),
        ("ndash", '–'),
        ("mdash", '—'),
        ("hellip", '…'),
        ("auml", 'ä'),
        ("ouml", 'ö'),
        ("uuml", 'ü'),
    ];
    let window = &rest.as_bytes()[1..rest.len().min(12)];
    let Some(end) = memchr::memchr(b';', window) else {
        out.push('&');
        return &rest[1..];
    };
    let name = &rest[1..1 + end];
    let code = match name.strip_prefix('#') {
        Some(number) => match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok(),
            None => number.parse().ok(),
        }
        .and_then(char::from_u32),
        None => NAMED.iter().find(|(known, _)| *known == name).map(|(_, c)| *c),
    };
    match code {
        // Soft hyphens, zero-width characters and fillers pad the previews of newsletters.
        Some('\u{ad}' | '\u{34f}' | '\u{200b}'..='\u{200f}' | '\u{feff}') => {}
        Some(c) => out.push(c),
        None if matches!(name, "zwnj" | "zwj" | "shy") => {}
        None => out.push_str(&rest[..end + 2]),
    }
    &rest[end + 2..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_html() {
        let table: &[(&str, &str)] = &[
            ("plain", "plain"),
            ("<p>a</p><p>b</p>", "a b"),
            ("<head><title>t</title><style>p{}</style></head><body>x", "x"),
            ("<STYLE>p > a {}</Style>x", "x"),
            ("a<!-- <b> -->b", "ab"),
            ("1 < 2 &lt; 3 &amp; &#252;&#xFC; &unknown; & x", "1 < 2 < 3 & üü &unknown; & x"),
            ("a<br", "a"),
            ("<script>never closed", ""),
            ("<!-- never", ""),
            ("a&zwnj;&#8203;b", "ab"),
            ("&ü;", "&ü;"),
            ("&", "&"),
            ("<", "<"),
        ];
        for (html, text) in table {
            let mut out = String::new();
            text_into(html, 1000, &mut out);
            assert_eq!(out.split_whitespace().collect::<Vec<_>>().join(" "), *text, "{html:?}");
        }
    }
}
