//! The listener: connections in, answers out.
//!
//! Finds the stage by the token in the path, reads the request, and plays what the stage says.
//! Runs on one thread, and ends with everything on it when told to stop.

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

use crate::mock_model::race::{First, first};
use crate::mock_model::script::{self, Part, Script};
use crate::mock_model::session::{Cue, SessionShared};
use crate::mock_model::tape::{HeldAnswer, ScriptBody};
use crate::mock_model::{Shared, lock};
use crate::protocol::model::{self, ModelRequest};

/// The largest request: a long conversation is below a megabyte.
const BODY_BYTES: usize = 64 * 1024 * 1024;

/// The pause after the system refuses a connection: it lacks descriptors, and will for a while.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until told to stop.
pub(super) async fn serve(
    listener: TcpListener,
    server: Arc<Shared>,
    mut stopped: watch::Receiver<bool>,
) {
    loop {
        match first(stopped.changed(), listener.accept()).await {
            First::Left(_) => return,
            First::Right(Ok((stream, _))) => connect(stream, &server),
            First::Right(Err(_)) => drop(timeout(ACCEPT_PAUSE, stopped.changed()).await),
        }
    }
}

fn connect(stream: TcpStream, server: &Arc<Shared>) {
    // Without it a small event may wait for an acknowledgement; refused, it is only slower.
    let _ = stream.set_nodelay(true);
    let server = Arc::clone(server);
    let service = service_fn(move |request| answer(request, Arc::clone(&server)));
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    // It fails when the asker goes away or a script breaks it: both are told elsewhere.
    tokio::spawn(async { drop(connection.await) });
}

async fn answer(
    request: Request<Incoming>,
    server: Arc<Shared>,
) -> Result<Response<ScriptBody>, Infallible> {
    let path = request.uri().path().to_owned();
    let method = request.method().clone();
    let (token, place) = split(&path);
    let stage = lock(&server.stages).get(token).cloned();
    Ok(match (stage, method.as_str(), place) {
        (Some(stage), "POST", model::RESPONSES) => respond(request, &server, &stage).await,
        (Some(_), "GET", model::MODELS) => plain(StatusCode::OK, model::no_models()),
        _ => {
            server.remember_stray(method.as_str(), &path);
            plain(StatusCode::NOT_FOUND, model::refused("nothing is here"))
        }
    })
}

async fn respond(
    request: Request<Incoming>,
    server: &Shared,
    stage: &SessionShared,
) -> Response<ScriptBody> {
    let (head, body) = request.into_parts();
    let refuse = |status: StatusCode, why: &str| {
        server.remember_stray(head.method.as_str(), &format!("{}: {why}", head.uri.path()));
        plain(status, model::refused(why))
    };
    let body = match Limited::new(body, BODY_BYTES).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => return refuse(StatusCode::PAYLOAD_TOO_LARGE, &error.to_string()),
    };
    let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
    let asked = match ModelRequest::read(header, &body) {
        Ok(asked) => asked,
        Err(why) => return refuse(StatusCode::BAD_REQUEST, &why),
    };
    match stage.ask(asked) {
        Some(cue) => play(cue).await,
        None => refuse(StatusCode::SERVICE_UNAVAILABLE, "too many requests are remembered"),
    }
}

async fn play(cue: Cue) -> Response<ScriptBody> {
    let Cue { answer, number, mut forgotten } = cue;
    let delay = answer.delay.unwrap_or_default();
    let mut stale = !delay.is_zero() && timeout(delay, forgotten.changed()).await.is_ok();
    let held = HeldAnswer { gate: answer.gate.clone(), forgotten };
    if !stale && answer.waits_before_its_head() {
        stale = !held.clone().opened().await;
    }
    let Script { status, parts } = script::spell(&answer, number, held);
    let parts = if stale { vec![Part::Break] } else { parts };
    let kind = if status == StatusCode::OK { model::EVENT_STREAM } else { model::JSON };
    spoken(status, kind, parts)
}

fn plain(status: StatusCode, text: String) -> Response<ScriptBody> {
    spoken(status, model::JSON, vec![Part::Say(Bytes::from(text))])
}

fn spoken(status: StatusCode, kind: &'static str, parts: Vec<Part>) -> Response<ScriptBody> {
    let mut response = Response::new(ScriptBody::new(parts));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// The token, and the place below its `/v1`; no stage has an empty token.
fn split(path: &str) -> (&str, &str) {
    let path = path.strip_prefix('/').unwrap_or(path);
    let (token, rest) = path.split_at(path.find('/').unwrap_or(path.len()));
    (token, rest.strip_prefix("/v1").unwrap_or(""))
}
