//! CSID: client and server tell each other who they are.

use super::{Args, clnt};
use crate::refusal::Refusal;
use crate::reply;
use crate::state::{Login, Next, Turn};

pub(crate) fn run(_: &mut Login, args: Args<'_>, turn: &mut Turn<'_>) -> Result<Next, Refusal> {
    turn.channel.client_name = Some(clnt::printable(args.word()?));
    reply::line(turn.out, 200, "Name=Posthouse; CaseSensitive=1; DirSep=/;");
    Ok(Next::Stay)
}
