//! The tables, and how older ones become the present ones.
//!
//! Written once for both engines; [`for_postgres`] makes the few substitutions. The account comes
//! first in every key of what belongs to an account, so that an account's rows lie together, and
//! so that databases that spread rows over machines keep them together too.

use crate::error::{OpenError, StoreError};
use crate::sql::{Db, params};

/// The steps from the empty database to the present format; the format is the number of steps done.
/// A step that was released never changes again.
pub(crate) const MIGRATIONS: &[&str] = &[
    include_str!("schema/1.sql"),
    include_str!("schema/2.sql"),
    include_str!("schema/3.sql"),
    include_str!("schema/4.sql"),
    include_str!("schema/5.sql"),
    include_str!("schema/6.sql"),
    include_str!("schema/7.sql"),
];

/// The statements of a step in PostgreSQL's words.
pub(crate) fn for_postgres(sql: &str) -> String {
    // Byte order is enough for keys, the same everywhere, and faster.
    sql.replace(" INTEGER", " BIGINT")
        .replace(" BLOB", " BYTEA")
        .replace(" TEXT", " TEXT COLLATE \"C\"")
        .replace(" WITHOUT ROWID", "")
}

/// The format of an open database; 0 if it is empty.
pub(crate) fn version(db: &mut Db<'_>) -> Result<i64, StoreError> {
    let table = if db.is_postgres() {
        "SELECT COUNT(*) FROM information_schema.tables
         WHERE table_schema = current_schema() AND table_name = 'format'"
    } else {
        "SELECT COUNT(*) FROM sqlite_schema WHERE type = 'table' AND name = 'format'"
    };
    if db.number(table, &[])? == Some(0) {
        return Ok(0);
    }
    Ok(db.number("SELECT version FROM format", &[])?.unwrap_or(0))
}

/// Brings the database to the present format, inside a transaction of the caller.
///
/// # Errors
/// [`OpenError::TooNew`] if a newer program wrote it.
pub(crate) fn migrate(db: &mut Db<'_>) -> Result<(), OpenError> {
    let known = MIGRATIONS.len() as i64;
    let found = version(db)?;
    if found > known {
        return Err(OpenError::TooNew { found, known });
    }
    let done = usize::try_from(found).map_err(|_| OpenError::Failed("negative format".to_owned()))?;
    for step in &MIGRATIONS[done..] {
        if db.is_postgres() {
            db.script(&for_postgres(step))?;
        } else {
            db.script(step)?;
        }
    }
    db.execute("UPDATE format SET version = ?1", params![known])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::Link;

    /// The database as the program that knew only the first `steps` left it, brought to the present.
    fn tables_from(steps: usize) -> Vec<String> {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        let mut db = Db::new(Link::Sqlite(&connection));
        for step in &MIGRATIONS[..steps] {
            db.script(step).unwrap();
        }
        if steps > 0 {
            db.execute("UPDATE format SET version = ?1", params![steps as i64]).unwrap();
        }
        assert_eq!(version(&mut db).unwrap(), steps as i64);
        migrate(&mut db).unwrap();
        assert_eq!(version(&mut db).unwrap(), MIGRATIONS.len() as i64);
        db.list("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name", &[], |row| row.string(0))
            .unwrap()
    }

    #[test]
    fn every_earlier_format_becomes_the_present_one() {
        let fresh = tables_from(0);
        assert!(fresh.len() > 15);
        for steps in 1..=MIGRATIONS.len() {
            assert_eq!(tables_from(steps), fresh, "from format {steps}");
        }
    }

    #[test]
    fn a_newer_format_is_refused() {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        let mut db = Db::new(Link::Sqlite(&connection));
        migrate(&mut db).unwrap();
        db.execute("UPDATE format SET version = ?1", params![MIGRATIONS.len() as i64 + 1]).unwrap();
        let refused = migrate(&mut db);
        assert!(matches!(refused, Err(OpenError::TooNew { .. })));
    }
}
