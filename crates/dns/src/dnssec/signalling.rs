//! Names under which an operator of name servers vouches for the keys of a zone that is not trusted yet.
//!
//! For each name server `ns` of the zone `z`, its CDS and CDNSKEY are shown again at `_dsboot.z._signal.ns`, in
//! a zone that is trusted already (RFC 9615 §2.1).

use super::plan::SigningPlan;
use crate::name::{Name, NameError};
use crate::record::Record;

/// `_dsboot.<zone>._signal.<name server>`.
///
/// # Errors
/// [`NameError`] if that is longer than a name may be: then there is no bootstrapping (RFC 9615 §4.4).
pub fn signalling_name(zone: &Name, name_server: &Name) -> Result<Name, NameError> {
    let signal = name_server.prepend(b"_signal")?;
    zone.concat(&signal)?.prepend(b"_dsboot")
}

/// The records to add to the zone of the name server `name_server` for the zone `apex` with that plan. None
/// if the name server is in the zone itself: nobody trusts that yet (RFC 9615 §4.2).
///
/// # Errors
/// [`NameError`] as of [`signalling_name`].
pub fn records_for_plan(
    apex: &Name,
    plan: &SigningPlan,
    name_server: &Name,
) -> Result<Vec<Record>, NameError> {
    if name_server.is_at_or_below(apex) {
        return Ok(Vec::new());
    }
    let owner = signalling_name(apex, name_server)?;
    let data = plan.cds.iter().chain(&plan.cdnskeys);
    Ok(data.map(|data| Record::new(owner.clone(), plan.key_ttl, data.clone())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 9615 §2.
    #[test]
    fn the_name_is_that_of_the_rfc() {
        let (zone, server) = ("example.co.uk.".parse().unwrap(), "ns1.example.net.".parse().unwrap());
        let name = signalling_name(&zone, &server).unwrap();
        assert_eq!(name.to_string(), "_dsboot.example.co.uk._signal.ns1.example.net.");
        let long: Name = format!("{0}.{0}.{0}.", "a".repeat(63)).parse().unwrap();
        assert!(signalling_name(&long, &long).is_err());
    }
}
