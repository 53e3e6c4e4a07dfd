//! The HTTP side of the page of a running campaign.
//!
//! A request must name the address as its host, so that no other site's name leads here, and must
//! have the token.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use crossbeam_channel::Sender;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, HeaderName,
    HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;

use super::shared::Shared;
use crate::report::page::POLICY;

/// How long a page waits for news before it asks again: less than proxies and browsers put up with.
const NEWS_DEADLINE: Duration = Duration::from_secs(20);

/// News within this time come together: a person reads no faster.
const PAUSE: Duration = Duration::from_millis(500);

/// The pause after the system refuses a connection: it lacks descriptors, and will for a while.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

const HTML: &str = "text/html; charset=utf-8";
const PLAIN: &str = "text/plain; charset=utf-8";

/// Sent with every answer.
const HEADERS: [(HeaderName, &str); 5] = [
    (CACHE_CONTROL, "no-store"),
    (CONTENT_SECURITY_POLICY, POLICY),
    (REFERRER_POLICY, "no-referrer"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
];

type Answer = Response<Full<Bytes>>;

/// What is served where.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) address: SocketAddr,
    pub(super) shared: Arc<Shared>,
    /// Hears of each page that has got the last state.
    pub(super) done: Sender<()>,
}

/// Serves until it should stop.
pub(super) async fn serve(listener: TcpListener, site: Arc<Site>, mut stop: watch::Receiver<bool>) {
    // The runtime ends with this future, and takes the accepting task along.
    tokio::spawn(accept(listener, site, stop.clone()));
    let _ = stop.changed().await;
}

async fn accept(listener: TcpListener, site: Arc<Site>, mut stop: watch::Receiver<bool>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(connection(stream, Arc::clone(&site)))),
            Err(_) => drop(timeout(ACCEPT_PAUSE, stop.changed()).await),
        }
    }
}

async fn connection(stream: TcpStream, site: Arc<Site>) {
    let has_last = Arc::new(AtomicBool::new(false));
    let (site_of_service, flag) = (Arc::clone(&site), Arc::clone(&has_last));
    let service =
        service_fn(move |request| answer(request, Arc::clone(&site_of_service), Arc::clone(&flag)));
    // It fails when the browser goes away, which needs no report.
    drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
    if has_last.load(Ordering::Relaxed) {
        // Without a listener the campaign has ended already.
        let _ = site.done.send(());
    }
}

async fn answer(
    request: Request<Incoming>,
    site: Arc<Site>,
    has_last: Arc<AtomicBool>,
) -> Result<Answer, Infallible> {
    if let Some(refusal) = refusal(&request, &site) {
        return Ok(refusal);
    }
    Ok(match request.uri().path() {
        "/" => response(StatusCode::OK, HTML, site.shared.page()),
        "/main" => {
            let after = parameter(&request, "after").and_then(|after| after.parse().ok());
            news(&site.shared, after, &has_last).await
        }
        _ => response(StatusCode::NOT_FOUND, PLAIN, "nothing is here\n".to_owned()),
    })
}

/// Why a request gets nothing.
fn refusal(request: &Request<Incoming>, site: &Site) -> Option<Answer> {
    let Site { address, shared, .. } = site;
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    let hosts = [address.to_string(), format!("localhost:{}", address.port())];
    let refused = |status: StatusCode, why: &str| Some(response(status, PLAIN, format!("{why}\n")));
    if !host.is_some_and(|host| hosts.iter().any(|own| own == host)) {
        return refused(StatusCode::FORBIDDEN, "this page is not served under that name");
    }
    if parameter(request, "token") != Some(shared.token()) {
        return refused(
            StatusCode::FORBIDDEN,
            "the token is missing or wrong: open the address that heirloom printed",
        );
    }
    if ![Method::GET, Method::HEAD].contains(request.method()) {
        return refused(StatusCode::METHOD_NOT_ALLOWED, "this page can only be read");
    }
    None
}

/// The part that changes, once its state is not the one that the page has.
async fn news(shared: &Shared, after: Option<u64>, has_last: &AtomicBool) -> Answer {
    let mut versions = shared.versions();
    let changed = versions.wait_for(|version| version.is_last || Some(version.number) != after);
    if timeout(NEWS_DEADLINE, changed).await.is_err() {
        return response(StatusCode::NO_CONTENT, PLAIN, String::new());
    }
    // The end does not wait; an error would mean that the state is gone, and so is this task.
    drop(timeout(PAUSE, versions.wait_for(|version| version.is_last)).await);
    let (fragment, is_last) = shared.fragment();
    let mut response = response(StatusCode::OK, HTML, fragment);
    if is_last {
        has_last.store(true, Ordering::Relaxed);
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// A parameter of the address.
fn parameter<'a>(request: &'a Request<Incoming>, name: &str) -> Option<&'a str> {
    let pairs = request.uri().query()?.split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(key, _)| *key == name).map(|(_, value)| value).next()
}

fn response(status: StatusCode, content_type: &'static str, text: String) -> Answer {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
