//! Names: order, text, suffixes.

use std::cmp::Ordering;

use dns::{Name, NameError};
use domain::base::name::ToName;
use proptest::prelude::*;

/// Labels of few different bytes, so that names meet, with the bytes around which order and text go wrong.
fn label() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        4 => proptest::sample::select(b"aAbBzZ@[`{*.\\ \"();$-".to_vec()),
        1 => proptest::sample::select(vec![0, 1, 2, 0x7f, 0x80, 0xff]),
    ];
    prop_oneof![9 => proptest::collection::vec(byte, 1..4), 1 => proptest::collection::vec(any::<u8>(), 1..64)]
}

pub fn name() -> impl Strategy<Value = Name> {
    proptest::collection::vec(label(), 0..6).prop_map(|labels| {
        labels.iter().fold(Name::root(), |name, label| name.prepend(label).unwrap_or(name))
    })
}

fn naive_cmp(left: &Name, right: &Name) -> Ordering {
    let labels = |name: &Name| {
        let mut labels: Vec<Vec<u8>> = name.labels().map(|label| label.to_ascii_lowercase()).collect();
        labels.reverse();
        labels
    };
    labels(left).cmp(&labels(right))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn order_is_that_of_rfc_4034(left in name(), right in name()) {
        let order = left.cmp(&right);
        prop_assert_eq!(order, naive_cmp(&left, &right));
        prop_assert_eq!(order, left.sort_key().cmp(&right.sort_key()));
        prop_assert_eq!(order == Ordering::Equal, left == right);
        let other = |name: &Name| domain::base::Name::from_octets(name.as_wire().to_vec()).unwrap();
        prop_assert_eq!(order, other(&left).name_cmp(&other(&right)));
    }

    #[test]
    fn text_leads_back(name in name(), origin in name()) {
        let text = name.to_string();
        prop_assert!(text.bytes().all(|byte| byte.is_ascii_graphic()));
        for again in [Name::parse(text.as_bytes(), Some(&origin)), Name::from_wire(name.as_wire())] {
            let again = again.unwrap();
            prop_assert_eq!(again.as_wire(), name.as_wire());
        }
    }

    #[test]
    fn suffixes(name in name(), other in name()) {
        let labels = name.label_count();
        for count in 0..=labels {
            let suffix = name.suffix(count);
            prop_assert_eq!(suffix.label_count(), count);
            prop_assert!(name.is_at_or_below(&suffix));
            prop_assert_eq!(name.is_below(&suffix), count < labels);
        }
        let naive = name.labels().count() >= other.labels().count() && name.suffix(other.label_count()) == other;
        prop_assert_eq!(name.is_at_or_below(&other), naive);
        if let Ok(joined) = name.concat(&other) {
            prop_assert!(joined.is_at_or_below(&other));
            prop_assert_eq!(joined.rebase(&other, &Name::root()).unwrap().unwrap(), name);
        }
    }

    #[test]
    fn any_text_is_a_name_or_not(text in proptest::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(name) = Name::parse(&text, Some(&Name::root())) {
            prop_assert!(name.as_wire().len() <= 255);
            prop_assert_eq!(Name::from_wire(name.as_wire()).unwrap(), name);
        }
    }
}

#[test]
fn limits_of_names() {
    let label = "x".repeat(63);
    let longest = format!("{label}.{label}.{label}.{}", "x".repeat(61));
    let name: Name = longest.parse().unwrap();
    assert_eq!((name.as_wire().len(), name.wildcard()), (255, Err(NameError::NameTooLong)));
    assert_eq!(format!("{longest}x").parse::<Name>(), Err(NameError::NameTooLong));
    assert_eq!("x".repeat(64).parse::<Name>(), Err(NameError::LabelTooLong));
    let many: Name = "a.".repeat(127).parse().unwrap();
    assert_eq!(many.label_count(), dns::name::LABELS_MAX);
    assert_eq!("a.".repeat(128).parse::<Name>(), Err(NameError::NameTooLong));
    for (text, error) in [
        ("", NameError::EmptyLabel),
        (".a", NameError::EmptyLabel),
        ("a..", NameError::EmptyLabel),
        ("a\\", NameError::BadEscape),
        ("a\\25", NameError::BadEscape),
        ("a\\256", NameError::BadEscape),
    ] {
        assert_eq!(text.parse::<Name>(), Err(error), "{text:?}");
    }
    assert_eq!(Name::parse(b"a", None), Err(NameError::NoOrigin));
    assert_eq!(Name::root().to_string(), ".");
    assert_eq!(Name::root().parent(), None);
}

/// RFC 4034 §6.1.
#[test]
fn the_order_that_the_rfc_shows() {
    let names = [
        "example.",
        "a.example.",
        "yljkjljk.a.example.",
        "Z.a.example.",
        "zABC.a.EXAMPLE.",
        "z.example.",
        "\\001.z.example.",
        "*.z.example.",
        "\\200.z.example.",
    ];
    let names: Vec<Name> = names.iter().map(|name| name.parse().unwrap()).collect();
    assert!(names.is_sorted());
}

/// RFC 1982 §5.1 and §5.2, in 32 bits.
#[test]
fn serials() {
    use dns::Serial;
    assert!(Serial(0).plus(0x7fff_ffff).is_after(Serial(0)));
    assert!(Serial(1).is_after(Serial(u32::MAX)));
    assert!(!Serial(u32::MAX).is_after(Serial(1)));
    assert_eq!(Serial(0x8000_0000).compare(Serial(0)), None);
    assert_eq!(Serial(7).compare(Serial(7)), Some(Ordering::Equal));
}
