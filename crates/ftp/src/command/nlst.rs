//! NLST: names alone (RFC 959 §4.1.3).

use super::{Args, list};
use crate::ask::{Action, Target};
use crate::listing::{Format, without_options};
use crate::refusal::Refusal;
use crate::state::{Area, Next, Opening, Turn};

pub(crate) fn run(area: &mut Area, args: Args<'_>, turn: &mut Turn<'_>) -> Result<Next, Refusal> {
    let argument = without_options(args.all());
    let what = list::target(area, argument)?;
    let format = Format::Names(before(argument, &what));
    area.transfer(Action::List { what, format }, Opening::List, turn)
}

/// What stands before each name, so that it can be used as it is (RFC 1123 §4.1.2.7): the folder, as the
/// client wrote it.
fn before(argument: &[u8], what: &Target) -> String {
    let text = String::from_utf8_lossy(argument);
    match what {
        Target::Matching { .. } => text[..text.rfind('/').map_or(0, |at| at + 1)].to_string(),
        Target::Path(_) if text.is_empty() || text == "." => String::new(),
        Target::Path(_) => format!("{}/", text.trim_end_matches('/')),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Pattern, VirtualPath};

    #[test]
    fn names_lead_from_where_the_client_is() {
        let path = Target::Path(VirtualPath::root());
        for (argument, expected) in
            [("", ""), (".", ""), ("/", "/"), ("a", "a/"), ("a/b/", "a/b/"), ("/a", "/a/"), ("..", "../")]
        {
            assert_eq!(before(argument.as_bytes(), &path), expected, "{argument}");
        }
        let pattern = Pattern::new("*").unwrap();
        let matching = Target::Matching { folder: VirtualPath::root(), pattern };
        for (argument, expected) in [("*", ""), ("a/*", "a/"), ("/*", "/"), ("a/b/c*", "a/b/")] {
            assert_eq!(before(argument.as_bytes(), &matching), expected, "{argument}");
        }
    }
}
