//! Objects: content in a service that speaks S3, for several nodes on one database, or where a disk is too small.
//!
//! The functions here may take as long as the network does, and block: they are for threads of their own, never for
//! the writer and never within a [`crate::View`]. Whatever the service does, each ends in bounded time. Requests run on
//! a small runtime of their own, so that it does not matter on what kind of thread one waits.

mod reason;
mod removals;
mod settings;
mod transfer;

use std::future::Future;
use std::sync::{Arc, mpsc};
use std::time::{Duration, SystemTime};

use object_store::aws::AmazonS3Builder;
use object_store::path::Path;
use object_store::{BackoffConfig, ClientOptions, ObjectMeta, ObjectStore, ObjectStoreExt, RetryConfig};
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;

pub(crate) use settings::Bucket;
pub use settings::ObjectSettings;
pub(crate) use transfer::Source;

use crate::blob_file::BEGUN_SHELF;
use crate::error::{OpenError, StoreError};
use crate::shared::random_u32;
use reason::{hint, reason};
use removals::Removals;

/// How long a connection may take to come about. The service is in a data centre; who does not answer within this
/// is not there.
const CONNECT_PATIENCE: Duration = Duration::from_secs(5);

/// How long one try of a request may take, with its piece of content. A piece is 5 MiB and at most eight are under
/// way: a line of 6 Mbit/s suffices.
const TRY_PATIENCE: Duration = Duration::from_secs(60);

/// Within this time a request that failed is tried again.
const RETRY_FOR: Duration = Duration::from_secs(20);

/// So many times at most.
const RETRIES_MAX: usize = 4;

/// How long a request may take with all its tries.
const REQUEST_PATIENCE: Duration = Duration::from_secs(75);

/// How long a transfer waits for the memory of its next piece while others use all of it.
const MEMORY_PATIENCE: Duration = Duration::from_secs(60);

/// Pieces that may be in memory at once, of all transfers together: 40 MiB.
const PIECES_MAX: usize = 8;

/// How many names of a list are read ahead of who looks at them.
const LISTED_AHEAD: usize = 1000;

/// A bucket, or what is below a prefix of it.
pub(crate) struct Objects {
    service: Arc<dyn ObjectStore>,
    prefix: Path,
    /// `s3://bucket/prefix`, for sentences.
    title: String,
    /// Taken when dropped.
    runtime: Option<Runtime>,
    memory: Arc<Semaphore>,
    removals: Arc<Removals>,
}

/// A request under way.
struct Pending<T>(mpsc::Receiver<Result<T, object_store::Error>>);

impl<T> Pending<T> {
    fn wait(self) -> Result<T, object_store::Error> {
        let gone = || reason::failed("the request was given up");
        self.0.recv().unwrap_or_else(|_| Err(gone()))
    }
}

impl Objects {
    /// The objects of a bucket. Asks the service nothing yet.
    ///
    /// # Errors
    /// [`OpenError::Setting`] for what cannot be a service's address.
    pub fn open(bucket: &Bucket, settings: &ObjectSettings) -> Result<Objects, OpenError> {
        let refused =
            |error: object_store::Error| OpenError::Setting(format!("store.s3: {}", reason(&error)));
        let options = ClientOptions::new().with_timeout(TRY_PATIENCE).with_connect_timeout(CONNECT_PATIENCE);
        let backoff = BackoffConfig { max_backoff: Duration::from_secs(2), ..BackoffConfig::default() };
        let retry = RetryConfig { backoff, max_retries: RETRIES_MAX, retry_timeout: RETRY_FOR };
        let secret = String::from_utf8_lossy(&settings.secret_access_key.0);
        let endpoint = settings.address(bucket)?;
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&bucket.name)
            .with_client_options(options)
            .with_retry(retry)
            .with_region(settings.region.as_deref().unwrap_or("us-east-1"))
            .with_access_key_id(&settings.access_key_id)
            .with_secret_access_key(secret)
            .with_virtual_hosted_style_request(settings.is_virtual_hosted())
            // Not every service has it, and one object at a time is enough in the background.
            .with_disable_bulk_delete(true)
            .with_allow_http(endpoint.as_ref().is_some_and(|endpoint| endpoint.starts_with("http:")));
        if let Some(token) = &settings.session_token {
            builder = builder.with_token(String::from_utf8_lossy(&token.0));
        }
        if let Some(endpoint) = endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        let service = Arc::new(builder.build().map_err(refused)?);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("store-objects")
            .enable_all()
            .build()
            .map_err(|error| OpenError::Failed(error.to_string()))?;
        let prefix = Path::parse(&bucket.prefix)
            .map_err(|error| OpenError::Setting(format!("store.blobs: {error}")))?;
        Ok(Objects {
            service,
            prefix,
            title: bucket.to_string(),
            runtime: Some(runtime),
            memory: Arc::new(Semaphore::new(PIECES_MAX)),
            removals: Arc::default(),
        })
    }

    /// The path of an object that rows call `name`.
    fn path(&self, name: &str) -> Path {
        name.split('/').fold(self.prefix.clone(), |path, part| path.join(part))
    }

    fn shelf(&self, shelf: Option<&str>) -> Path {
        shelf.map_or_else(|| self.prefix.clone(), |shelf| self.path(shelf))
    }

    fn runtime(&self) -> &Runtime {
        self.runtime.as_ref().expect("it is taken by drop alone")
    }

    /// Begins a request, which ends within [`REQUEST_PATIENCE`].
    fn begin<T: Send + 'static>(
        &self,
        request: impl Future<Output = Result<T, object_store::Error>> + Send + 'static,
    ) -> Pending<T> {
        let (sender, receiver) = mpsc::sync_channel(1);
        self.runtime().spawn(async move {
            let late = |_| Err(reason::failed("the service did not answer in time"));
            let done = tokio::time::timeout(REQUEST_PATIENCE, request).await.unwrap_or_else(late);
            let _ = sender.send(done);
        });
        Pending(receiver)
    }

    /// Carries out a request.
    fn run<T: Send + 'static>(
        &self,
        request: impl Future<Output = Result<T, object_store::Error>> + Send + 'static,
    ) -> Result<T, object_store::Error> {
        self.begin(request).wait()
    }

    /// The sentence about an object.
    fn failure(&self, name: &str, error: &object_store::Error) -> StoreError {
        StoreError::Io(format!("{}/{name}: {}", self.title, reason(error)))
    }

    /// Length in bytes of an object and how long ago it was written; nothing if it is not there.
    pub fn look(&self, name: &str) -> Result<Option<(u64, Duration)>, StoreError> {
        let (service, path) = (Arc::clone(&self.service), self.path(name));
        match self.run(async move { service.head(&path).await }) {
            Ok(meta) => Ok(Some((meta.size, age(&meta)))),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.failure(name, &error)),
        }
    }

    /// Removes an object, some time soon. A failure leaves an orphan, which the check reports.
    pub fn remove(&self, name: &str) {
        self.removals.add(self.runtime().handle(), &self.service, self.path(name));
    }

    /// Visits every object of ours, or those on one shelf, with its name and its age.
    ///
    /// # Errors
    /// [`StoreError::Io`] if the service does not list them.
    pub fn each(&self, shelf: Option<&str>, visit: &mut dyn FnMut(&str, Duration)) -> Result<(), StoreError> {
        let (service, under) = (Arc::clone(&self.service), self.shelf(shelf));
        let (sender, mut receiver) = tokio::sync::mpsc::channel(LISTED_AHEAD);
        self.runtime().spawn(async move {
            let mut list = service.list(Some(&under));
            loop {
                let next = std::future::poll_fn(|context| list.as_mut().poll_next(context));
                let late = |_| Some(Err(reason::failed("the service did not answer in time")));
                let next = tokio::time::timeout(REQUEST_PATIENCE, next).await.unwrap_or_else(late);
                let Some(item) = next else { break };
                let is_end = item.is_err();
                if sender.send(item).await.is_err() || is_end {
                    break;
                }
            }
        });
        while let Some(item) = receiver.blocking_recv() {
            let meta = item.map_err(|error| self.failure("", &error))?;
            let Some(rest) = meta.location.prefix_match(&self.prefix) else { continue };
            let name = rest.map(|part| part.as_ref().to_owned()).collect::<Vec<_>>().join("/");
            if is_ours(&name) {
                visit(&name, age(&meta));
            }
        }
        Ok(())
    }

    /// Makes sure that objects can be written, read and removed.
    ///
    /// # Errors
    /// A sentence that says what cannot be done, why, and where to look.
    pub fn try_out(&self) -> Result<(), OpenError> {
        let path = self.path(&format!("probe-{:08x}{:08x}", random_u32(), random_u32()));
        let failed = |what: &str, error: &object_store::Error| {
            let (why, hint) = (reason(error), hint(error));
            OpenError::Failed(format!("{} cannot be {what}: {why}; {hint}", self.title))
        };
        let (service, at) = (Arc::clone(&self.service), path.clone());
        let written = self.run(async move { service.put(&at, "posthouse".into()).await });
        written.map_err(|error| failed("written", &error))?;
        let (service, at) = (Arc::clone(&self.service), path.clone());
        let read = self.run(async move { service.get_range(&at, 0..9).await });
        let service = Arc::clone(&self.service);
        let removed = self.run(async move { service.delete(&path).await });
        if read.map_err(|error| failed("read", &error))?[..] != *b"posthouse" {
            return Err(OpenError::Failed(format!("{}: what is read is not what was written", self.title)));
        }
        removed.map_err(|error| failed("removed from", &error))
    }
}

impl Drop for Objects {
    fn drop(&mut self) {
        self.removals.finish();
        if let Some(runtime) = self.runtime.take() {
            // The last handle may go on a thread that must not wait for a runtime.
            runtime.shutdown_background();
        }
    }
}

impl std::fmt::Debug for Objects {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Objects").field(&self.title).finish()
    }
}

fn age(meta: &ObjectMeta) -> Duration {
    SystemTime::now().duration_since(meta.last_modified.into()).unwrap_or_default()
}

/// True for names as we give them: others may keep their objects beside ours.
fn is_ours(name: &str) -> bool {
    name.split_once('/').is_some_and(|(shelf, rest)| {
        let is_shelf =
            shelf == BEGUN_SHELF || (shelf.len() == 2 && shelf.bytes().all(|byte| byte.is_ascii_hexdigit()));
        is_shelf && !rest.is_empty() && !rest.contains('/')
    })
}
