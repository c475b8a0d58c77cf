//! The tables, and how older ones become the present ones.
//!
//! Written once for both engines; [`for_postgres`] makes the few substitutions. The account comes
//! first in every key of what belongs to an account, so that an account's rows lie together, and
//! so that databases that spread rows over machines keep them together too.

use crate::error::{OpenError, StoreError};
use crate::sql::{Db, params};

/// The steps from the empty database to the present format; the format is the number of steps done.
/// A step that was released never changes again.
pub(crate) const MIGRATIONS: &[&str] = &[include_str!("schema/1.sql")];

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
