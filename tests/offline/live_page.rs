//! The page of a running campaign, asked over HTTP as a browser would, and as one would that has no
//! business here.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::Duration;

use expect_test::{Expect, expect};

use heirloom::campaign::{Event, Outcome, Subject};
use heirloom::report::finding::ReplayCommands;
use heirloom::report::invocation::Invocation;
use heirloom::report::live::LivePage;
use heirloom::report::results::Results;

/// A page, and the parts of its address.
struct Site {
    page: LivePage,
    host: String,
    token: String,
}

/// A request that was sent.
struct Asked(TcpStream);

fn invocation() -> Invocation {
    let [program, server_flags, known_list] = ["heirloom", "", "none"].map(str::to_owned);
    Invocation { program, server_flags, known_list }
}

fn commands() -> ReplayCommands {
    ReplayCommands { folder: PathBuf::from("runs/x"), flags: String::new() }
}

impl Site {
    fn start() -> Site {
        let address = "127.0.0.1:0".parse().expect("it is an address");
        let page = LivePage::start(address, invocation(), commands()).expect("a port is free");
        let url = page.url();
        let (host, token) = url
            .strip_prefix("http://")
            .and_then(|rest| rest.split_once("/?token="))
            .expect("the address has a host and a token");
        Site { host: host.to_owned(), token: token.to_owned(), page }
    }

    fn ask(&self, method: &str, path: &str, host: &str) -> Asked {
        let mut stream = TcpStream::connect(&self.host).expect("it listens");
        write!(stream, "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n")
            .expect("it reads");
        Asked(stream)
    }

    /// The request that a page makes which has the state of a number.
    fn ask_for_news(&self, after: u64) -> Asked {
        let path = format!("/main?token={}&after={after}", self.token);
        self.ask("GET", &path, &self.host)
    }
}

impl Asked {
    /// The status line and the body.
    fn answer(mut self) -> String {
        let mut answer = String::new();
        self.0.read_to_string(&mut answer).expect("it answers in UTF-8");
        let (head, body) = answer.split_once("\r\n\r\n").expect("there is an empty line");
        format!("{}\n{body}", head.lines().next().unwrap_or_default())
    }
}

/// The parts of an answer that say how far the campaign is.
fn check(answer: &str, expected: Expect) {
    let tags = ["<main ", "<h1>", "<p class=\"running\""];
    let status = answer.lines().next().unwrap_or_default();
    let found = tags.iter().filter_map(|tag| {
        let (_, rest) = answer.split_once(tag)?;
        let end = if *tag == "<main " { '>' } else { '<' };
        Some(format!("\n{tag}{}", rest.split(end).next().unwrap_or_default()))
    });
    expected.assert_eq(&format!("{status}{}", found.collect::<String>()));
}

#[test]
fn a_request_without_the_token_or_for_another_host_gets_nothing() {
    let site = Site::start();
    let with = format!("/?token={}", site.token);
    let port = site.host.rsplit(':').next().unwrap_or_default();
    let asked = [
        site.ask("GET", "/", &site.host),
        site.ask("GET", "/main?after=0", &site.host),
        site.ask("GET", "/?token=0123", &site.host),
        site.ask("GET", &with, "example.org:80"),
        site.ask("GET", &with, "127.0.0.1"),
        site.ask("POST", &with, &site.host),
        site.ask("GET", &with.replace("/?", "/etc?"), &site.host),
        site.ask("HEAD", &with, &format!("localhost:{port}")),
    ];
    let answers = asked.map(|asked| asked.answer().lines().take(2).collect::<Vec<_>>().join(": "));
    expect![[r#"
        HTTP/1.1 403 Forbidden: the token is missing or wrong: open the address that heirloom printed
        HTTP/1.1 403 Forbidden: the token is missing or wrong: open the address that heirloom printed
        HTTP/1.1 403 Forbidden: the token is missing or wrong: open the address that heirloom printed
        HTTP/1.1 403 Forbidden: this page is not served under that name
        HTTP/1.1 403 Forbidden: this page is not served under that name
        HTTP/1.1 405 Method Not Allowed: this page can only be read
        HTTP/1.1 404 Not Found: nothing is here
        HTTP/1.1 200 OK"#]].assert_eq(&answers.join("\n"));
}

#[test]
fn a_page_changes_with_the_campaign_and_says_when_it_is_over() {
    let site = Site::start();
    let page = site.ask("GET", &format!("/?token={}", site.token), &site.host);
    check(
        &page.answer(),
        expect![[r#"
            HTTP/1.1 200 OK
            <main id="main" data-state="0" data-title="heirloom: The campaign begins"
            <h1>The campaign begins
            <p class="running" id="running" role="status">The server is made ready."#]],
    );
    let subject = Subject {
        spec: "0.169.0".to_owned(),
        version: "0.169.0".parse().ok(),
        ..Subject::default()
    };
    site.page.on_event(
        &Event::Began { subject: subject.clone(), seed: 7, jobs: 1, cases: Some(4), time: None },
        Duration::ZERO,
    );
    let case = Event::Case {
        index: 0,
        steps: 3,
        signatures: Vec::new(),
        tally: BTreeMap::new(),
        inconclusive: None,
    };
    site.page.on_event(&case, Duration::from_secs(2));
    check(
        &site.ask_for_news(0).answer(),
        expect![[r#"
        HTTP/1.1 200 OK
        <main id="main" data-state="2" data-title="heirloom: codex 0.169.0 is being checked"
        <h1>codex 0.169.0 is being checked
        <p class="running" id="running" role="status">1 of 4 cases ran."#]],
    );
    // The page that was opened waits for the end, as a browser does.
    let waiting = site.ask_for_news(2);
    let host = site.host.clone();
    let outcome = Outcome { subject, cases: 4, ..Outcome::default() };
    let (invocation, commands) = (invocation(), commands());
    let again = "heirloom check --seed 7";
    let results =
        Results { outcome: &outcome, invocation: &invocation, commands: &commands, again };
    site.page.end(&results);
    check(
        &waiting.answer(),
        expect![[r#"
        HTTP/1.1 200 OK
        <main id="main" data-state="over" data-title="heirloom: codex 0.169.0 conforms to every clause that was tested"
        <h1>codex 0.169.0 conforms to every clause that was tested"#]],
    );
    assert!(TcpStream::connect(host).is_err(), "nothing listens after the end");
}
