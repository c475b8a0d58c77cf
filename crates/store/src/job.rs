//! Jobs: closures over a transaction, on their way to a writer and back.

use tokio::sync::oneshot;

use crate::error::StoreError;
use crate::view::Tx;

/// A job of any kind in a writer's hands.
pub(crate) trait Job: Send {
    /// Does the work. May be called again after its changes were rolled back.
    fn run(&mut self, tx: &mut Tx<'_>) -> Result<(), StoreError>;
    /// Tells the caller how it ended; `Ok` only after the commit was synced.
    fn finish(self: Box<Self>, outcome: Result<(), StoreError>);
}

struct Pending<T, F> {
    work: F,
    value: Option<T>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Job for Pending<T, F>
where
    T: Send,
    F: FnMut(&mut Tx<'_>) -> Result<T, StoreError> + Send,
{
    fn run(&mut self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        self.value = None;
        self.value = Some((self.work)(tx)?);
        Ok(())
    }

    fn finish(self: Box<Self>, outcome: Result<(), StoreError>) {
        let Pending { value, reply, work } = *self;
        // What the job held, such as the room of an upload, is free when its caller hears of the end.
        drop(work);
        let answer = outcome.and_then(|()| value.ok_or(StoreError::Closed));
        // Nobody waits any more: the work is done all the same.
        let _ = reply.send(answer);
    }
}

/// A job for a writer, and where its result will arrive.
pub(crate) fn pending<T: Send + 'static>(
    work: impl FnMut(&mut Tx<'_>) -> Result<T, StoreError> + Send + 'static,
) -> (Box<dyn Job>, oneshot::Receiver<Result<T, StoreError>>) {
    let (reply, answer) = oneshot::channel();
    (Box::new(Pending { work, value: None, reply }), answer)
}
