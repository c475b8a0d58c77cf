//! What must hold of the queue.

use super::Checker;
use crate::error::StoreError;
use crate::view::View;

impl View<'_> {
    pub(super) fn check_queue(&mut self, checker: &mut Checker<'_>) -> Result<(), StoreError> {
        let entries = self.db.number("SELECT COUNT(*) FROM queue", &[])?.unwrap_or(0);
        checker.report.counted.queued = entries.cast_unsigned();
        checker.progress("queue", 0, checker.report.counted.queued);
        let sql = "SELECT queue_id FROM queue WHERE queue_id NOT IN (SELECT queue_id FROM queue_recipient)";
        for id in self.db.list(sql, &[], |row| row.int(0))? {
            checker.finding("queue entry", format!("queue {id}"), "it has no recipient".to_owned());
        }
        let sql = "SELECT DISTINCT queue_id FROM queue_recipient WHERE queue_id NOT IN (SELECT queue_id FROM queue)";
        for id in self.db.list(sql, &[], |row| row.int(0))? {
            checker.finding("queue entry", format!("queue {id}"), "recipients without an entry".to_owned());
        }
        Ok(())
    }
}
