//! The HTTP side of the mock model.
//!
//! It finds the session by the token in the path, reads the request, and plays the session's answer,
//! all on one thread.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::mock_model::answer::Gate;
use crate::mock_model::script::{HeldAnswer, Part, Script, ScriptBody};
use crate::mock_model::session::{Registry, SessionShared, TakenAnswer};
use crate::protocol::model::{self, ModelRequest};

/// The largest request: a long conversation is below a megabyte.
const BODY_BYTES: usize = 64 * 1024 * 1024;

/// The pause after the system refuses a connection: it lacks descriptors, and will for a while.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until it should stop.
pub(super) async fn serve(
    listener: TcpListener,
    registry: Arc<Registry>,
    mut stop: watch::Receiver<bool>,
) {
    // The runtime ends with this future, and takes the accepting task along.
    tokio::spawn(accept(listener, registry, stop.clone()));
    let _ = stop.changed().await;
}

async fn accept(listener: TcpListener, registry: Arc<Registry>, mut stop: watch::Receiver<bool>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => connect(stream, &registry),
            Err(_) => drop(timeout(ACCEPT_PAUSE, stop.changed()).await),
        }
    }
}

fn connect(stream: TcpStream, registry: &Arc<Registry>) {
    // Without it a small event may wait for an acknowledgement; refused, it is only slower.
    let _ = stream.set_nodelay(true);
    let registry = Arc::clone(registry);
    let service = service_fn(move |request| answer(request, Arc::clone(&registry)));
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    // It fails when the server goes away or a script breaks it: both are reported elsewhere.
    tokio::spawn(async { drop(connection.await) });
}

async fn answer(
    request: Request<Incoming>,
    registry: Arc<Registry>,
) -> Result<Response<ScriptBody>, Infallible> {
    let path = request.uri().path().to_owned();
    let method = request.method().clone();
    let (token, place) = split(&path);
    let session = registry.asked(token);
    Ok(match (session, method.as_str(), place) {
        (Some(session), "POST", model::RESPONSES) => respond(request, &registry, &session).await,
        (Some(_), "GET", model::MODELS) => json_response(StatusCode::OK, model::no_models()),
        _ => {
            registry.remember_stray(method.as_str(), &path);
            json_response(StatusCode::NOT_FOUND, model::refused("nothing is here"))
        }
    })
}

async fn respond(
    request: Request<Incoming>,
    registry: &Registry,
    session: &SessionShared,
) -> Response<ScriptBody> {
    let (head, body) = request.into_parts();
    let refuse = |status: StatusCode, why: &str| {
        registry.remember_stray(head.method.as_str(), &format!("{}: {why}", head.uri.path()));
        json_response(status, model::refused(why))
    };
    let body = match Limited::new(body, BODY_BYTES).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => return refuse(StatusCode::PAYLOAD_TOO_LARGE, &error.to_string()),
    };
    let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
    let request = match ModelRequest::read(header, &body) {
        Ok(request) => request,
        Err(why) => return refuse(StatusCode::BAD_REQUEST, &why),
    };
    match session.take_answer(request) {
        Some(taken) => play(taken).await,
        None => refuse(StatusCode::SERVICE_UNAVAILABLE, "too many requests are remembered"),
    }
}

async fn play(taken: TakenAnswer) -> Response<ScriptBody> {
    let TakenAnswer { mut answer, number, mut reset } = taken;
    let delay = answer.delay.unwrap_or_default();
    let mut stale = !delay.is_zero() && timeout(delay, reset.changed()).await.is_ok();
    let held = HeldAnswer { gate: answer.gate.clone(), reset };
    if !stale && answer.waits_before_its_head() {
        stale = !held.clone().opened().await;
        let instead = answer.gate.as_ref().and_then(Gate::take_instead);
        answer = instead.unwrap_or(answer);
    }
    let Script { status, parts } = Script::new(&answer, number, held);
    let parts = if stale { vec![Part::Break] } else { parts };
    let content_type = if status == StatusCode::OK { model::EVENT_STREAM } else { model::JSON };
    response(status, content_type, parts)
}

fn json_response(status: StatusCode, text: String) -> Response<ScriptBody> {
    response(status, model::JSON, vec![Part::Send(Bytes::from(text))])
}

fn response(
    status: StatusCode,
    content_type: &'static str,
    parts: Vec<Part>,
) -> Response<ScriptBody> {
    let mut response = Response::new(ScriptBody::new(parts));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// The token, and the place below its `/v1`; no session has an empty token.
fn split(path: &str) -> (&str, &str) {
    let path = path.strip_prefix('/').unwrap_or(path);
    let (token, rest) = path.split_at(path.find('/').unwrap_or(path.len()));
    (token, rest.strip_prefix("/v1").unwrap_or(""))
}
