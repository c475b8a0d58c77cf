//! PostgreSQL.

use std::ops::ControlFlow;
use std::sync::Arc;

use crate::error::{OpenError, StoreError};
use crate::job::Job;
use crate::shared::Shared;
use crate::sql::{Row, Value};
use crate::view::View;

/// A connection.
pub(crate) struct PgConnection;

impl PgConnection {
    pub fn execute(&mut self, _sql: &'static str, _values: &[Value<'_>]) -> Result<u64, StoreError> {
        Err(StoreError::Closed)
    }
    pub fn each(
        &mut self,
        _sql: &'static str,
        _values: &[Value<'_>],
        _visit: &mut dyn FnMut(&Row<'_>) -> Result<ControlFlow<()>, StoreError>,
    ) -> Result<(), StoreError> {
        Err(StoreError::Closed)
    }
    pub fn script(&mut self, _sql: &str) -> Result<(), StoreError> {
        Err(StoreError::Closed)
    }
}

/// The engine.
pub(crate) struct Engine;

impl Engine {
    pub fn open(_url: &str, _readers: usize, _shared: Arc<Shared>) -> Result<Engine, OpenError> {
        Err(OpenError::Setting("PostgreSQL is not offered yet".to_owned()))
    }
    pub fn submit(&self, job: Box<dyn Job>) {
        job.finish(Err(StoreError::Closed));
    }
    pub fn read<T>(
        &self,
        _shared: &Shared,
        _work: impl FnOnce(&mut View<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        Err(StoreError::Closed)
    }
}
