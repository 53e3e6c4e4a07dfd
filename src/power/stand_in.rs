//! The stand-in: what a server with one fault makes of the lines.
//!
//! Lines of a client pass through `request`, lines of the server through `answer`. Clients are
//! numbers; the first is 0.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::memory::Memory;
use super::{Change, Planted, Reaches, Setting, When};

const NOTICE: &str = "thread/settings/updated";
const UPDATE: &str = "thread/settings/update";
const FORK: &str = "thread/fork";

/// The key of the thread that a message is about.
const THREAD: &str = "threadId";

/// A request that waits for its answer.
struct Pending {
    method: String,
    thread: Option<String>,
    /// Whether the fault was to show at it.
    faulty: bool,
    /// Whether the client knows nothing of it.
    injected: bool,
    /// What the answer is to state in the place of what is in force.
    claimed: Map<String, Value>,
}

/// The lines that go on, those that go back, and whether the process ends then.
#[derive(Debug, Default, PartialEq)]
pub struct Passed {
    pub lines: Vec<Value>,
    pub back: Vec<Value>,
    pub dies: bool,
}

/// A server with one fault, as far as lines show it.
pub struct StandIn {
    fault: Planted,
    pub(super) memory: Memory,
    /// Whether the process before this one did not come to its end.
    killed: bool,
    pub(super) config: toml::Table,
    /// The clients that said something.
    clients: BTreeSet<usize>,
    loaded: BTreeSet<String>,
    /// By the client and the id of its request.
    pending: BTreeMap<(usize, String), Pending>,
    /// Threads whose next notice is kept back.
    muted: Vec<String>,
    injected: u32,
}

impl StandIn {
    pub fn new(fault: Planted, mut memory: Memory, config: toml::Table) -> StandIn {
        let killed = memory.processes > 0 && !memory.ended;
        memory.processes += 1;
        memory.ended = false;
        StandIn {
            fault,
            memory,
            killed,
            config,
            clients: BTreeSet::new(),
            loaded: BTreeSet::new(),
            pending: BTreeMap::new(),
            muted: Vec::new(),
            injected: 0,
        }
    }

    /// What the server receives of a client's line.
    pub fn request(&mut self, client: usize, mut message: Value) -> Vec<Value> {
        self.clients.insert(client);
        let (Some(id), Some(method)) = (message.get("id"), message["method"].as_str()) else {
            return vec![message];
        };
        let (id, method) = (id.to_string(), method.to_owned());
        let thread = message["params"]["threadId"].as_str().map(str::to_owned);
        if let Some(thread) = &thread {
            let memory = self.memory.thread(thread);
            memory.forks += u32::from(method == "thread/fork");
            memory.turns += u32::from(method == "turn/start");
        }
        let params = message["params"].as_object().cloned().unwrap_or_default();
        let asked = Asked { client, method: &method, thread: thread.as_deref() };
        let faulty = self.is_due(asked, &params);
        if let Some(thread) = &thread {
            self.memory.thread(thread).methods.insert(method.clone());
        }
        let injected = if faulty { self.leaked(asked, &params) } else { vec![] };
        let mut claimed = self.still_claimed(asked, &params);
        if faulty {
            let params = self.changed(asked, params, &mut claimed);
            message["params"] = Value::Object(params);
        }
        if let Some(thread) = thread.as_deref().filter(|_| method != FORK) {
            self.memory.thread(thread).claimed = claimed.clone();
        }
        let pending = Pending { method, thread, faulty, injected: false, claimed };
        self.pending.insert((client, id), pending);
        std::iter::once(message).chain(injected).collect()
    }

    /// What is claimed of the thread of a request, without what the request sets.
    fn still_claimed(&self, asked: Asked<'_>, params: &Map<String, Value>) -> Map<String, Value> {
        let memory = asked.thread.and_then(|id| self.memory.threads.get(id));
        let mut claimed = memory.map(|thread| thread.claimed.clone()).unwrap_or_default();
        for setting in [Setting::Approval, Setting::Sandbox] {
            let of_profile = setting == Setting::Sandbox && is_stated(params, "permissions");
            if of_profile || is_stated(params, setting.key(asked.method)) {
                claimed.remove(setting.stated());
            }
        }
        claimed
    }

    /// Whether the fault shows at a request.
    fn is_due(&self, asked: Asked<'_>, params: &Map<String, Value>) -> bool {
        let Asked { client, thread, .. } = asked;
        let cold = thread.is_some_and(|id| !self.loaded.contains(id));
        let memory = thread.and_then(|id| self.memory.threads.get(id));
        let memory = |test: &dyn Fn(&super::memory::ThreadMemory) -> bool| memory.is_some_and(test);
        match self.fault.when {
            When::Always => true,
            When::OtherClient => client != 0,
            When::Beside => self.clients.len() > 1,
            When::Cold => cold,
            When::Warm => !cold,
            When::SecondFork => memory(&|thread| thread.forks >= 2),
            When::ThirdTurn => memory(&|thread| thread.turns >= 3),
            When::AfterKill => cold && self.killed,
            When::AfterTurn(status) => memory(&|thread| thread.last_turn == status),
            When::After(method) => memory(&|thread| thread.methods.contains(method)),
            When::SecondRestart => {
                cold && memory(&|thread| self.memory.processes >= thread.born + 2)
            }
            When::With(key) => params
                .get(key)
                .is_some_and(|value| !matches!(value, Value::Null | Value::Bool(false))),
            When::Granular => {
                memory(&|thread| thread.last.get("approvalPolicy").is_some_and(Value::is_object))
            }
        }
    }

    /// The parameters that the server receives, and what is claimed of them.
    fn changed(
        &mut self,
        asked: Asked<'_>,
        mut params: Map<String, Value>,
        claimed: &mut Map<String, Value>,
    ) -> Map<String, Value> {
        let Asked { method, thread, .. } = asked;
        match self.fault.change.clone() {
            Change::Ignore(of, setting) if of == method => {
                params.remove(setting.key(method));
            }
            Change::FromConfig(of, setting) if of == method => {
                let value = self.configured(setting, method);
                self.fill(&mut params, asked, setting, value);
            }
            Change::Stale(of, setting) if of == method => {
                let first = thread.and_then(|id| self.memory.threads.get(id));
                let first = first.and_then(|thread| thread.first.get(setting.stated()));
                let value = first.and_then(|value| spelled(setting, method, value));
                self.fill(&mut params, asked, setting, value);
            }
            Change::LoseField(of, field) if of == method => {
                if let Some(Value::Object(sandbox)) = params.get_mut("sandboxPolicy") {
                    sandbox.remove(field);
                }
            }
            Change::Enforce(of, setting) if of == method => {
                if let Some(value) = self.asked_for(asked, setting, &params) {
                    params.insert(setting.key(method).to_owned(), wider(setting, method));
                    claimed.insert(setting.stated().to_owned(), value);
                }
            }
            Change::WriteConfig(of, setting) if of == method => {
                let value = params.get(setting.key(method)).filter(|value| value.is_string());
                let value = value.and_then(Value::as_str).map(toml::Value::from);
                if let (Some(value), Some(key)) = (value, setting.in_config()) {
                    self.config.insert(key.to_owned(), value);
                }
            }
            Change::Refuse(of) if of == method => {
                params.insert(THREAD.to_owned(), Value::from("refused"));
            }
            _ => {}
        }
        params
    }

    /// Puts a value where the request states none.
    fn fill(
        &self,
        params: &mut Map<String, Value>,
        asked: Asked<'_>,
        setting: Setting,
        value: Option<Value>,
    ) {
        let key = setting.key(asked.method);
        let of_config = params.get("config").and_then(Value::as_object);
        let of_config = of_config.zip(setting.in_config());
        let by_config = of_config.is_some_and(|(config, key)| config.contains_key(key));
        let elsewhere = setting == Setting::Sandbox && self.has_profile(asked, params);
        if let Some(value) = value
            && !is_stated(params, key)
            && !by_config
            && !elsewhere
        {
            params.insert(key.to_owned(), value);
        }
    }

    /// Whether a profile decides on the sandbox.
    fn has_profile(&self, asked: Asked<'_>, params: &Map<String, Value>) -> bool {
        let profile = asked.thread.and_then(|id| self.memory.threads.get(id));
        let profile = profile.and_then(|thread| thread.last.get("activePermissionProfile"));
        is_stated(params, "permissions") || profile.is_some_and(|profile| !profile.is_null())
    }

    /// What would be in force: the request's own value, else the thread's.
    fn asked_for(
        &self,
        asked: Asked<'_>,
        setting: Setting,
        params: &Map<String, Value>,
    ) -> Option<Value> {
        let own = params.get(setting.key(asked.method)).filter(|value| !value.is_null());
        let of_thread = asked.thread.and_then(|id| self.memory.threads.get(id));
        let key = setting.stated();
        let of_thread =
            of_thread.and_then(|thread| thread.claimed.get(key).or_else(|| thread.last.get(key)));
        match setting {
            Setting::Sandbox if self.has_profile(asked, params) => None,
            // A word does not say what the sandbox is in full.
            _ => match own {
                Some(own) if own.is_object() || setting != Setting::Sandbox => Some(own.clone()),
                Some(_) => None,
                None => of_thread.cloned(),
            },
        }
    }

    fn configured(&self, setting: Setting, method: &str) -> Option<Value> {
        let value = self.config.get(setting.in_config()?)?;
        let value = serde_json::to_value(value).ok()?;
        let of_turn = setting.key(method) == "sandboxPolicy";
        Some(if of_turn { json!({ "type": camel(value.as_str()?) }) } else { value })
    }

    /// Requests that carry a value to threads that did not ask for it.
    fn leaked(&mut self, asked: Asked<'_>, params: &Map<String, Value>) -> Vec<Value> {
        let Asked { client, method, thread } = asked;
        let (setting, reaches, value) = match self.fault.change {
            Change::Leak(of, setting, reaches) if of == method => {
                let value = params.get(setting.key(method)).filter(|value| !value.is_null());
                (setting, reaches, value.cloned())
            }
            Change::Reset(of, setting) if of == method => {
                (setting, Reaches::Itself, self.configured(setting, UPDATE))
            }
            _ => return Vec::new(),
        };
        let (Some(value), Some(thread)) = (value, thread) else { return Vec::new() };
        let reached: Vec<String> = match reaches {
            Reaches::Source | Reaches::Itself => vec![thread.to_owned()],
            Reaches::Others => self.loaded.iter().filter(|id| *id != thread).cloned().collect(),
            Reaches::Forks => {
                let is_fork = |id: &&String| {
                    self.memory
                        .threads
                        .get(*id)
                        .is_some_and(|one| one.source.as_deref() == Some(thread))
                };
                self.loaded.iter().filter(is_fork).cloned().collect()
            }
        };
        let reached = reached.into_iter().filter(|id| self.loaded.contains(id)).collect::<Vec<_>>();
        let key = setting.key(UPDATE).to_owned();
        let update = |id| Map::from_iter([(THREAD.to_owned(), id), (key.clone(), value.clone())]);
        reached.into_iter().map(|id| self.inject(client, update(id.into()))).collect()
    }

    fn inject(&mut self, client: usize, update: Map<String, Value>) -> Value {
        self.injected += 1;
        let id = Value::from(format!("stand-in-{}", self.injected));
        let thread = update.get(THREAD).and_then(Value::as_str).map(str::to_owned);
        self.muted.extend(thread.clone());
        let method = UPDATE.to_owned();
        let pending =
            Pending { method, thread, faulty: false, injected: true, claimed: Map::new() };
        self.pending.insert((client, id.to_string()), pending);
        json!({ "id": id, "method": UPDATE, "params": update })
    }

    /// What the client receives of a server's line.
    pub fn answer(&mut self, client: usize, message: Value) -> Passed {
        let is_request = message.get("method").is_some();
        if let Change::AnswerQuestions(decision) = self.fault.change
            && let (
                Some(id),
                Some("item/commandExecution/requestApproval" | "item/fileChange/requestApproval"),
            ) = (message.get("id"), message["method"].as_str())
        {
            let answer = json!({ "id": id, "result": { "decision": decision } });
            return Passed { back: vec![answer], ..Passed::default() };
        }
        let pending = message.get("id").filter(|_| !is_request);
        let pending = pending.and_then(|id| self.pending.remove(&(client, id.to_string())));
        let lines = match pending {
            Some(pending) => {
                let dies = matches!(self.fault.change, Change::Die(of) if of == pending.method);
                if dies && pending.faulty {
                    return Passed { dies: true, ..Passed::default() };
                }
                self.answered(message, &pending)
            }
            None => self.notified(client, message),
        };
        Passed { lines, ..Passed::default() }
    }

    fn answered(&mut self, mut message: Value, pending: &Pending) -> Vec<Value> {
        if pending.injected {
            return Vec::new();
        }
        if let Some(Value::Object(result)) = message.get_mut("result")
            && let Some(thread) = result.get("thread").and_then(|thread| thread["id"].as_str())
            && result.contains_key("approvalPolicy")
        {
            let id = thread.to_owned();
            self.loaded.insert(id.clone());
            let (processes, stated) = (self.memory.processes, result.clone());
            let thread = self.memory.thread(&id);
            if thread.first.is_empty() {
                thread.first = settings_of(&stated);
                thread.born = processes;
                thread.source = pending.thread.clone().filter(|source| *source != id);
            }
            thread.last = settings_of(&stated);
            if pending.method == FORK {
                thread.claimed = pending.claimed.clone();
            }
            let claimed = thread.claimed.clone();
            result.extend(claimed);
            if let Change::StateConfig(of, setting) = self.fault.change
                && of == pending.method
                && pending.faulty
                && let Some(value) = self.stated_by_config(setting)
            {
                result.insert(setting.stated().to_owned(), value);
            }
        }
        match self.fault.change {
            Change::Misspell(of) if of == pending.method && message["result"].is_object() => {
                message["result"]["approvalPolicy"] = Value::from("sometimes");
                vec![message]
            }
            Change::Grant(of) if of == pending.method && message.get("error").is_some() => {
                vec![json!({ "id": message["id"], "result": {} })]
            }
            Change::AnswerTwice(of) if of == pending.method => vec![message.clone(), message],
            Change::NeverAnswer(of) if of == pending.method => Vec::new(),
            _ => vec![message],
        }
    }

    /// Config's value as an answer states it.
    fn stated_by_config(&self, setting: Setting) -> Option<Value> {
        let method = if setting == Setting::Sandbox { "turn/start" } else { "thread/start" };
        self.configured(setting, method)
    }

    fn notified(&mut self, client: usize, mut message: Value) -> Vec<Value> {
        let thread = message["params"]["threadId"].as_str().map(str::to_owned);
        let Some(thread) = thread else { return vec![message] };
        match message["method"].as_str() {
            Some("thread/closed") => drop(self.loaded.remove(&thread)),
            Some("turn/completed") => {
                let status = message["params"]["turn"]["status"].as_str().unwrap_or_default();
                self.memory.thread(&thread).last_turn = status.to_owned();
                match self.fault.change {
                    Change::DropTurnEnds => return Vec::new(),
                    Change::DoubleTurnEnds => return vec![message.clone(), message],
                    _ => {}
                }
            }
            Some(NOTICE) => return self.noticed(client, &thread, message),
            _ => {}
        }
        if let Some(settings) = message["params"].get_mut("threadSettings") {
            self.claim(&thread, settings);
        }
        vec![message]
    }

    fn noticed(&mut self, client: usize, thread: &str, mut message: Value) -> Vec<Value> {
        let muted = self.muted.iter().position(|id| id == thread);
        let settings = message["params"]["threadSettings"].as_object().cloned().unwrap_or_default();
        let before = self.memory.thread(thread).last.clone();
        self.memory.thread(thread).last.extend(settings_of(&settings));
        if let Some(place) = muted {
            self.muted.remove(place);
            return Vec::new();
        }
        let heard = Asked { client, method: NOTICE, thread: Some(thread) };
        match self.fault.change {
            Change::DropNotices if self.is_due(heard, &Map::new()) => return Vec::new(),
            Change::OldNotices => {
                if let Some(old) = before.get("approvalPolicy") {
                    message["params"]["threadSettings"]["approvalPolicy"] = old.clone();
                }
            }
            _ => {}
        }
        self.claim(thread, &mut message["params"]["threadSettings"]);
        vec![message]
    }

    /// States what was asked for.
    fn claim(&mut self, thread: &str, settings: &mut Value) {
        let Some(settings) = settings.as_object_mut() else { return };
        for (key, claimed) in &self.memory.thread(thread).claimed {
            let key = if key == "sandbox" { "sandboxPolicy" } else { key };
            if let Some(stated) = settings.get_mut(key) {
                *stated = claimed.clone();
            }
        }
    }
}

fn is_stated(params: &Map<String, Value>, key: &str) -> bool {
    params.get(key).is_some_and(|value| !value.is_null())
}

/// What is in force in the place of a value that is claimed.
fn wider(setting: Setting, method: &str) -> Value {
    match setting.key(method) {
        "sandboxPolicy" => json!({ "type": "dangerFullAccess" }),
        "sandbox" => json!("danger-full-access"),
        _ => json!("never"),
    }
}

/// A request, or a notice: whose it is, and what it is about.
#[derive(Clone, Copy)]
struct Asked<'a> {
    client: usize,
    method: &'a str,
    thread: Option<&'a str>,
}

/// What an answer or a notice states of the settings.
fn settings_of(stated: &Map<String, Value>) -> Map<String, Value> {
    let all = [
        Setting::Approval,
        Setting::Reviewer,
        Setting::Sandbox,
        Setting::Profile,
        Setting::Model,
        Setting::Effort,
        Setting::Folder,
        Setting::Roots,
        Setting::Mode,
    ];
    let value = |setting: Setting| {
        // A notice spells the keys of requests.
        stated.get(setting.stated()).or_else(|| stated.get(setting.key(UPDATE)))
    };
    let stated = |setting: Setting| Some((setting.stated().to_owned(), value(setting)?.clone()));
    all.into_iter().filter_map(stated).collect()
}

/// A stated value as a request spells it, if it can.
fn spelled(setting: Setting, method: &str, value: &Value) -> Option<Value> {
    match setting.key(method) {
        "sandbox" => match value["type"].as_str()? {
            "readOnly" => Some(json!("read-only")),
            "workspaceWrite" => Some(json!("workspace-write")),
            "dangerFullAccess" => Some(json!("danger-full-access")),
            _ => None,
        },
        _ => Some(value.clone()),
    }
}

/// A sandbox mode as a policy object spells it.
fn camel(mode: &str) -> &str {
    match mode {
        "read-only" => "readOnly",
        "workspace-write" => "workspaceWrite",
        _ => "dangerFullAccess",
    }
}

#[cfg(test)]
mod tests;
