//! CSID: client and server tell each other who they are.

use super::{Args, clnt};
use crate::refusal::Refusal;
use crate::state::{Login, Next, Turn};

pub(crate) fn run(_: &mut Login, args: Args<'_>, _: &mut Turn<'_>) -> Result<Next, Refusal> {
    clnt::called(args, "Name=Posthouse; CaseSensitive=1; DirSep=/;")
}
