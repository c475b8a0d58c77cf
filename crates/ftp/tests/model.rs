//! Random orders of commands against a small model that knows nothing of the session's making.

#![allow(clippy::unwrap_used, reason = "a test program; clippy exempts only functions marked as tests")]

mod driven;
mod world;

use driven::{Driven, settings};
use ftp::Ended;
use proptest::prelude::*;
use std::collections::VecDeque;

/// What the model can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    User,
    Pass(bool),
    Rein,
    Cwd,
    Cdup,
    Pwd,
    Type(char),
    Passive(&'static str),
    EpsvAll,
    Port(bool),
    Rest(u64),
    Rnfr(bool),
    Rnto,
    Retr(bool),
    Stor,
    Appe,
    Stou,
    List,
    Mlsd,
    Size,
    Rang,
    Hash,
    Noop,
    Stat,
    Abor,
    Unknown,
    /// Not a command: the transfer that is under way ends.
    End,
}

impl Step {
    fn line(self) -> String {
        match self {
            Step::User => "USER alice".into(),
            Step::Pass(right) => format!("PASS {}", if right { "secret" } else { "wrong" }),
            Step::Rein => "REIN".into(),
            Step::Cwd => "CWD docs".into(),
            Step::Cdup => "CDUP".into(),
            Step::Pwd => "PWD".into(),
            Step::Type(letter) => format!("TYPE {letter}"),
            Step::Passive(verb) => verb.into(),
            Step::EpsvAll => "EPSV ALL".into(),
            Step::Port(own) => format!("PORT 192,0,2,{},4,1", if own { 1 } else { 2 }),
            Step::Rest(offset) => format!("REST {offset}"),
            Step::Rnfr(exists) => format!("RNFR /{}", if exists { "read.me" } else { "nowhere" }),
            Step::Rnto => "RNTO /read.me".into(),
            Step::Retr(exists) => format!("RETR /{}", if exists { "read.me" } else { "nowhere" }),
            Step::Stor => "STOR /read.me".into(),
            Step::Appe => "APPE /read.me".into(),
            Step::Stou => "STOU".into(),
            Step::List => "LIST".into(),
            Step::Mlsd => "MLSD /read.me".into(),
            Step::Size => "SIZE /read.me".into(),
            Step::Rang => "RANG 1 2".into(),
            Step::Hash => "HASH /read.me".into(),
            Step::Noop => "NOOP".into(),
            Step::Stat => "STAT".into(),
            Step::Abor => "ABOR".into(),
            Step::Unknown => "XYZZY".into(),
            Step::End => unreachable!("no command"),
        }
    }
}

/// A session as one would tell it to a friend. The file is 17 bytes long.
#[derive(Debug, Default)]
struct Model {
    named: bool,
    logged_in: bool,
    in_docs: bool,
    image: bool,
    data: bool,
    epsv_all: bool,
    rest: Option<u64>,
    rename: bool,
    /// A transfer is under way; whether ABOR came.
    busy: Option<bool>,
    waiting: VecDeque<Waits>,
    codes: Vec<u16>,
}

#[derive(Debug)]
enum Waits {
    Command(Step),
    Abort,
}

impl Model {
    fn step(&mut self, step: Step) {
        if step == Step::End {
            return self.end();
        }
        match (&mut self.busy, step) {
            (None, _) => self.run(step),
            (Some(aborted @ false), Step::Abor) => {
                *aborted = true;
                self.waiting.push_back(Waits::Abort);
            }
            (Some(_), Step::Noop) if self.waiting.is_empty() => self.codes.push(200),
            (Some(_), Step::Stat) if self.waiting.is_empty() => self.codes.push(211),
            (Some(_), step) => self.waiting.push_back(Waits::Command(step)),
        }
    }

    fn end(&mut self) {
        let Some(aborted) = self.busy.take() else { return };
        self.codes.push(if aborted { 426 } else { 226 });
        while self.busy.is_none() {
            match self.waiting.pop_front() {
                None => break,
                Some(Waits::Abort) => self.codes.push(226),
                Some(Waits::Command(step)) => self.run(step),
            }
        }
    }

    fn run(&mut self, step: Step) {
        let code = self.code(step);
        self.codes.push(code);
    }

    fn forget(&mut self) {
        let (codes, waiting) = (std::mem::take(&mut self.codes), std::mem::take(&mut self.waiting));
        *self = Model { codes, waiting, ..Model::default() };
    }

    fn code(&mut self, step: Step) -> u16 {
        let (rest, rename) = (self.rest.take(), std::mem::take(&mut self.rename));
        match step {
            Step::Noop => return 200,
            Step::Stat => return 211,
            Step::Unknown => return 500,
            Step::User => {
                self.forget();
                self.named = true;
                return 331;
            }
            Step::Pass(right) => return self.password(right),
            Step::Rein if self.named || self.logged_in => {
                self.forget();
                return 220;
            }
            _ if !self.logged_in => return 530,
            _ => {}
        }
        self.inside(step, rest, rename)
    }

    fn password(&mut self, right: bool) -> u16 {
        if !std::mem::take(&mut self.named) {
            return 503;
        }
        self.logged_in = right;
        if right { 230 } else { 530 }
    }

    fn inside(&mut self, step: Step, rest: Option<u64>, rename: bool) -> u16 {
        if matches!(step, Step::Type('I') | Step::Passive(_) | Step::EpsvAll | Step::Port(_)) {
            self.rest = rest;
        }
        match step {
            Step::Cwd if self.in_docs => 550,
            Step::Cwd | Step::Cdup => {
                self.in_docs = step == Step::Cwd;
                250
            }
            Step::Pwd => 257,
            Step::Type(letter) => {
                self.image = letter == 'I';
                200
            }
            Step::Passive("PASV") if self.epsv_all => 501,
            Step::Passive(verb) => {
                self.data = true;
                if verb == "PASV" { 227 } else { 229 }
            }
            Step::EpsvAll => {
                self.epsv_all = true;
                200
            }
            Step::Port(own) if self.epsv_all || !own => 501,
            Step::Port(_) => {
                self.data = true;
                200
            }
            Step::Rest(offset) if offset > 0 && !self.image => 501,
            Step::Rest(offset) => {
                self.rest = Some(offset);
                350
            }
            Step::Rnfr(false) => 550,
            Step::Rnfr(true) => {
                self.rename = true;
                350
            }
            Step::Rnto => {
                if rename {
                    250
                } else {
                    503
                }
            }
            Step::Appe | Step::Stou if rest.is_some() => 503,
            Step::Retr(_) | Step::Stor | Step::Appe | Step::Stou | Step::List | Step::Mlsd => {
                self.transfer(step, rest)
            }
            Step::Size => {
                if self.image {
                    213
                } else {
                    550
                }
            }
            Step::Rang => 350,
            Step::Hash => 213,
            Step::Abor => {
                self.data = false;
                225
            }
            other => unreachable!("{other:?}"),
        }
    }

    fn transfer(&mut self, step: Step, rest: Option<u64>) -> u16 {
        match step {
            Step::Retr(false) if !self.data => 550,
            Step::Retr(_) | Step::Stor if !self.data && rest.unwrap_or(0) > 17 => 554,
            _ if !self.data => 425,
            _ if self.waiting.iter().any(|wait| matches!(wait, Waits::Abort)) => {
                self.data = false;
                426
            }
            Step::Retr(false) => 550,
            Step::Mlsd => 501,
            Step::Retr(_) | Step::Stor if rest.unwrap_or(0) > 17 => 554,
            _ => {
                self.data = false;
                self.busy = Some(false);
                150
            }
        }
    }
}

fn step() -> impl Strategy<Value = Step> {
    let all = vec![
        Step::User,
        Step::Pass(true),
        Step::Pass(true),
        Step::Pass(false),
        Step::Rein,
        Step::Cwd,
        Step::Cdup,
        Step::Pwd,
        Step::Type('A'),
        Step::Type('I'),
        Step::Passive("PASV"),
        Step::Passive("EPSV"),
        Step::EpsvAll,
        Step::Port(true),
        Step::Port(false),
        Step::Rest(0),
        Step::Rest(17),
        Step::Rest(18),
        Step::Rnfr(true),
        Step::Rnfr(false),
        Step::Rnto,
        Step::Retr(true),
        Step::Retr(true),
        Step::Retr(false),
        Step::Stor,
        Step::Appe,
        Step::Stou,
        Step::List,
        Step::Mlsd,
        Step::Size,
        Step::Rang,
        Step::Hash,
        Step::Noop,
        Step::Stat,
        Step::Abor,
        Step::Abor,
        Step::Unknown,
        Step::End,
        Step::End,
        Step::End,
    ];
    prop::sample::select(all)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn commands_in_any_order_are_answered_as_the_model_says(
        logged_in: bool,
        steps in proptest::collection::vec(step(), 0..60),
        burst in 1usize..5,
    ) {
        let mut driven = Driven::new(settings());
        let mut model = Model { codes: vec![220], ..Model::default() };
        let login: &[Step] = if logged_in { &[Step::User, Step::Pass(true), Step::Type('I')] } else { &[] };
        let steps: Vec<Step> = login.iter().copied().chain(steps).collect();
        // Commands come in bursts; the ends of transfers between them.
        let mut bytes = String::new();
        for (at, step) in steps.iter().enumerate() {
            if *step == Step::End {
                driven.send(std::mem::take(&mut bytes).as_bytes());
                prop_assert_eq!(driven.end(Ended::Done), model.busy.is_some());
            } else {
                bytes += &format!("{}\r\n", step.line());
                if at % burst == 0 {
                    driven.send(std::mem::take(&mut bytes).as_bytes());
                }
            }
            model.step(*step);
        }
        driven.send(bytes.as_bytes());
        prop_assert_eq!(driven.codes(), model.codes);
        prop_assert_eq!(driven.session.is_transferring(), model.busy.is_some());
    }
}
