//! The HTTP listener: metrics for Prometheus, and whether the server lives.

use crate::metrics::metrics;
use axum::Router;
use axum::http::header;
use axum::routing::get;
use std::io;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// Serves until the server stops.
///
/// # Errors
/// The listener's.
pub async fn serve(listener: TcpListener, mut stop: watch::Receiver<bool>) -> io::Result<()> {
    let text = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    let app = Router::new()
        .route("/metrics", get(move || async move { (text, metrics().render()) }))
        .route("/health", get(|| async { "ok\n" }));
    axum::serve(listener, app)
        .with_graceful_shutdown(async move {
            let _ = stop.wait_for(|stop| *stop).await;
        })
        .await
}
