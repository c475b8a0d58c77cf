//! One connection: statements in PostgreSQL's form, prepared once.

use std::collections::HashMap;
use std::error::Error;
use std::ops::ControlFlow;

use postgres::error::SqlState;
use postgres::fallible_iterator::FallibleIterator;
use postgres::types::private::BytesMut;
use postgres::types::{IsNull, ToSql, Type};
use postgres::{Client, Statement};

use super::refusal::Refusal;
use super::target::Target;
use crate::error::StoreError;
use crate::sql::{Row, Value};

/// A connection and the statements it has prepared.
pub(crate) struct PgConnection {
    client: Client,
    statements: HashMap<&'static str, Statement>,
}

impl PgConnection {
    /// Connects. Must not be called on a thread of an async runtime.
    pub fn connect(target: &Target) -> Result<PgConnection, Refusal> {
        let mut client = target.connect()?;
        // What is acknowledged is on disk, whatever the server's configuration says.
        client.batch_execute("SET synchronous_commit = on")?;
        Ok(PgConnection { client, statements: HashMap::new() })
    }

    pub fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Runs statements without parameters.
    pub fn script(&mut self, sql: &str) -> Result<(), StoreError> {
        Ok(self.client.batch_execute(sql)?)
    }

    /// Runs a statement and says how many rows it changed.
    pub fn execute(&mut self, sql: &'static str, values: &[Value<'_>]) -> Result<u64, StoreError> {
        let statement = self.statement(sql, values)?;
        let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| value as _).collect();
        Ok(self.client.execute(&statement, &values)?)
    }

    /// Runs a statement and visits its rows until the visitor breaks off.
    pub fn each(
        &mut self,
        sql: &'static str,
        values: &[Value<'_>],
        visit: &mut dyn FnMut(&Row<'_>) -> Result<ControlFlow<()>, StoreError>,
    ) -> Result<(), StoreError> {
        let statement = self.statement(sql, values)?;
        let values = values.iter().map(|value| value as &(dyn ToSql + Sync));
        let mut rows = self.client.query_raw(&statement, values)?;
        while let Some(row) = rows.next()? {
            if visit(&Row::Postgres(&row))?.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Waits for notifications and gives their payloads, none after `timeout`.
    pub fn notified(&mut self, timeout: std::time::Duration) -> Result<Vec<String>, StoreError> {
        let mut notifications = self.client.notifications();
        let mut payloads = Vec::new();
        if let Some(first) = notifications.timeout_iter(timeout).next()? {
            payloads.push(first.payload().to_owned());
        }
        while let Some(more) = notifications.iter().next()? {
            payloads.push(more.payload().to_owned());
        }
        Ok(payloads)
    }

    fn statement(&mut self, sql: &'static str, values: &[Value<'_>]) -> Result<Statement, StoreError> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        let types: Vec<Type> = values.iter().map(type_of).collect();
        let statement = self.client.prepare_typed(&sql.replace('?', "$"), &types)?;
        self.statements.insert(sql, statement.clone());
        Ok(statement)
    }
}

/// What is known of a parameter's type by its first value; for null the server finds out.
fn type_of(value: &Value<'_>) -> Type {
    match value {
        Value::Null => Type::UNKNOWN,
        Value::Int(_) => Type::INT8,
        Value::Text(_) => Type::TEXT,
        Value::Blob(_) => Type::BYTEA,
    }
}

impl ToSql for Value<'_> {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match *self {
            Value::Null => Ok(IsNull::Yes),
            Value::Int(number) => number.to_sql(kind, out),
            // Texts cannot hold a zero byte there; strangers may well send one.
            Value::Text(text) if text.contains('\0') => text.replace('\0', "\u{fffd}").to_sql(kind, out),
            Value::Text(text) => text.to_sql(kind, out),
            Value::Blob(bytes) => bytes.to_sql(kind, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    postgres::types::to_sql_checked!();
}

impl From<postgres::Error> for StoreError {
    fn from(error: postgres::Error) -> StoreError {
        let text = match error.as_db_error() {
            Some(detail) => detail.to_string(),
            None => error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {source}")),
        };
        match error.code() {
            Some(code)
                if *code == SqlState::T_R_SERIALIZATION_FAILURE
                    || *code == SqlState::T_R_DEADLOCK_DETECTED
                    || *code == SqlState::UNIQUE_VIOLATION =>
            {
                StoreError::Conflict
            }
            Some(code) if *code == SqlState::DISK_FULL => StoreError::Full,
            Some(code) if *code == SqlState::DATA_CORRUPTED || *code == SqlState::INDEX_CORRUPTED => {
                StoreError::Corrupt(text)
            }
            Some(code) if *code == SqlState::IO_ERROR => StoreError::Io(text),
            Some(_) => StoreError::Database(text),
            None => StoreError::Io(text),
        }
    }
}
