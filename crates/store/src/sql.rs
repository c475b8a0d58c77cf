//! The one way in which statements reach either engine.
//!
//! A statement is written once, with parameters `?1`, `?2`; every number is 64 bits wide. Rows are
//! read in place, so that a list of a mailbox copies nothing.

use std::ops::ControlFlow;

use crate::error::StoreError;
use crate::postgres::PgConnection;

/// A parameter of a statement.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Value<'a> {
    Null,
    Int(i64),
    Text(&'a str),
    Blob(&'a [u8]),
}

macro_rules! value_from {
    ($($from:ty => |$v:ident| $to:expr),* $(,)?) => {
        $(impl<'a> From<$from> for Value<'a> {
            fn from($v: $from) -> Value<'a> {
                $to
            }
        })*
    };
}

value_from! {
    i64 => |v| Value::Int(v),
    u32 => |v| Value::Int(i64::from(v)),
    u8 => |v| Value::Int(i64::from(v)),
    // Sizes, modseqs and traces: the same 64 bits, read back the same way.
    u64 => |v| Value::Int(v.cast_signed()),
    &'a str => |v| Value::Text(v),
    &'a String => |v| Value::Text(v),
    &'a [u8] => |v| Value::Blob(v),
    &'a Vec<u8> => |v| Value::Blob(v),
    crate::id::AccountId => |v| Value::Int(v.0),
    crate::id::MailboxId => |v| Value::Int(v.0),
    crate::id::MessageId => |v| Value::Int(v.0),
    crate::id::DomainId => |v| Value::Int(v.0),
    crate::id::BlobId => |v| Value::Int(v.0),
    crate::id::QueueId => |v| Value::Int(v.0),
    crate::id::ZoneId => |v| Value::Int(v.0),
    crate::id::TraceId => |v| Value::Int(v.0.cast_signed()),
    crate::id::ModSeq => |v| Value::Int(v.0.cast_signed()),
    crate::id::Uid => |v| Value::Int(i64::from(v.get())),
}

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Value<'a> {
        value.map_or(Value::Null, Into::into)
    }
}

/// Parameters of a statement, in order.
macro_rules! params {
    ($($value:expr),* $(,)?) => { &[$($crate::sql::Value::from($value)),*] };
}
pub(crate) use params;

/// A row of a result, only as long as its visit lasts.
pub(crate) enum Row<'a> {
    Sqlite(&'a rusqlite::Row<'a>),
    Postgres(&'a postgres::Row),
}

fn wrong(column: usize) -> StoreError {
    StoreError::Corrupt(format!("column {column} has another type than was written"))
}

impl Row<'_> {
    pub fn opt_int(&self, column: usize) -> Result<Option<i64>, StoreError> {
        match self {
            Row::Sqlite(row) => row.get_ref(column)?.as_i64_or_null().map_err(|_| wrong(column)),
            // Constants and lengths are only 32 bits wide there.
            Row::Postgres(row) if *row.columns()[column].type_() == postgres::types::Type::INT4 => {
                let number: Option<i32> = row.try_get(column).map_err(|_| wrong(column))?;
                Ok(number.map(i64::from))
            }
            Row::Postgres(row) => row.try_get(column).map_err(|_| wrong(column)),
        }
    }

    pub fn opt_text(&self, column: usize) -> Result<Option<&str>, StoreError> {
        match self {
            Row::Sqlite(row) => row.get_ref(column)?.as_str_or_null().map_err(|_| wrong(column)),
            Row::Postgres(row) => row.try_get(column).map_err(|_| wrong(column)),
        }
    }

    pub fn opt_blob(&self, column: usize) -> Result<Option<&[u8]>, StoreError> {
        match self {
            Row::Sqlite(row) => row.get_ref(column)?.as_blob_or_null().map_err(|_| wrong(column)),
            Row::Postgres(row) => row.try_get(column).map_err(|_| wrong(column)),
        }
    }

    pub fn int(&self, column: usize) -> Result<i64, StoreError> {
        self.opt_int(column)?.ok_or_else(|| wrong(column))
    }

    /// A number that was written as `u64`.
    pub fn count(&self, column: usize) -> Result<u64, StoreError> {
        Ok(self.int(column)?.cast_unsigned())
    }

    /// A number that was written as `u32`.
    pub fn small(&self, column: usize) -> Result<u32, StoreError> {
        u32::try_from(self.int(column)?).map_err(|_| wrong(column))
    }

    pub fn text(&self, column: usize) -> Result<&str, StoreError> {
        self.opt_text(column)?.ok_or_else(|| wrong(column))
    }

    pub fn string(&self, column: usize) -> Result<String, StoreError> {
        Ok(self.text(column)?.to_owned())
    }

    pub fn blob(&self, column: usize) -> Result<&[u8], StoreError> {
        self.opt_blob(column)?.ok_or_else(|| wrong(column))
    }
}

/// A connection of either engine.
pub(crate) enum Link<'a> {
    Sqlite(&'a rusqlite::Connection),
    Postgres(&'a mut PgConnection),
}

/// A connection inside a transaction.
pub(crate) struct Db<'a> {
    link: Link<'a>,
    /// The first failure of a statement. A job that went on regardless must not be committed.
    pub failure: Option<StoreError>,
}

impl<'a> Db<'a> {
    pub fn new(link: Link<'a>) -> Db<'a> {
        Db { link, failure: None }
    }

    fn note<T>(&mut self, outcome: Result<T, StoreError>) -> Result<T, StoreError> {
        if let (Err(error), None) = (&outcome, &self.failure) {
            self.failure = Some(error.clone());
        }
        outcome
    }

    /// Runs a statement and says how many rows it changed.
    pub fn execute(&mut self, sql: &'static str, values: &[Value<'_>]) -> Result<u64, StoreError> {
        let outcome = match &mut self.link {
            Link::Sqlite(connection) => execute_sqlite(connection, sql, values),
            Link::Postgres(connection) => connection.execute(sql, values),
        };
        self.note(outcome)
    }

    /// Runs a statement that gives at most one row, and reads it.
    pub fn row<T>(
        &mut self,
        sql: &'static str,
        values: &[Value<'_>],
        read: impl FnOnce(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        let (mut read, mut found) = (Some(read), None);
        self.each(sql, values, &mut |row| {
            if let Some(read) = read.take() {
                found = Some(read(row)?);
            }
            // The statement runs to its end: one that changes rows must not be left half way.
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(found)
    }

    /// Runs a statement and visits its rows until the visitor breaks off.
    pub fn each(
        &mut self,
        sql: &'static str,
        values: &[Value<'_>],
        visit: &mut dyn FnMut(&Row<'_>) -> Result<ControlFlow<()>, StoreError>,
    ) -> Result<(), StoreError> {
        let outcome = match &mut self.link {
            Link::Sqlite(connection) => each_sqlite(connection, sql, values, visit),
            Link::Postgres(connection) => connection.each(sql, values, visit),
        };
        self.note(outcome)
    }

    /// Runs a statement and collects what is read from each row.
    pub fn list<T>(
        &mut self,
        sql: &'static str,
        values: &[Value<'_>],
        mut read: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let mut list = Vec::new();
        self.each(sql, values, &mut |row| {
            list.push(read(row)?);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(list)
    }

    /// The first column of the only row, as a number.
    pub fn number(&mut self, sql: &'static str, values: &[Value<'_>]) -> Result<Option<i64>, StoreError> {
        self.row(sql, values, |row| row.int(0))
    }

    /// Runs several statements without parameters.
    pub fn script(&mut self, sql: &str) -> Result<(), StoreError> {
        let outcome = match &mut self.link {
            Link::Sqlite(connection) => connection.execute_batch(sql).map_err(StoreError::from),
            Link::Postgres(connection) => connection.script(sql),
        };
        self.note(outcome)
    }

    /// True if the engine is PostgreSQL.
    pub fn is_postgres(&self) -> bool {
        matches!(self.link, Link::Postgres(_))
    }
}

fn execute_sqlite(
    connection: &rusqlite::Connection,
    sql: &'static str,
    values: &[Value<'_>],
) -> Result<u64, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    Ok(statement.execute(rusqlite::params_from_iter(values))? as u64)
}

fn each_sqlite(
    connection: &rusqlite::Connection,
    sql: &'static str,
    values: &[Value<'_>],
    visit: &mut dyn FnMut(&Row<'_>) -> Result<ControlFlow<()>, StoreError>,
) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(rusqlite::params_from_iter(values))?;
    while let Some(row) = rows.next()? {
        if visit(&Row::Sqlite(row))?.is_break() {
            break;
        }
    }
    Ok(())
}

impl rusqlite::ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        use rusqlite::types::{ToSqlOutput, ValueRef};
        Ok(ToSqlOutput::Borrowed(match *self {
            Value::Null => ValueRef::Null,
            Value::Int(number) => ValueRef::Integer(number),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> StoreError {
        use rusqlite::ErrorCode as Code;
        let text = error.to_string();
        match error.sqlite_error_code() {
            Some(Code::DiskFull) => StoreError::Full,
            Some(Code::SystemIoFailure | Code::CannotOpen | Code::ReadOnly) => StoreError::Io(text),
            Some(Code::DatabaseCorrupt | Code::NotADatabase) => StoreError::Corrupt(text),
            // Interrupted is who reads while the writer needs the database for itself.
            Some(Code::DatabaseBusy | Code::DatabaseLocked | Code::OperationInterrupted) => {
                StoreError::Conflict
            }
            Some(Code::ConstraintViolation) => StoreError::Exists("entry"),
            _ => StoreError::Database(text),
        }
    }
}
