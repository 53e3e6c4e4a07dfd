//! Overrides of the secondary dimensions, and overrides through the `config` object.
//!
//! Model, effort, tier, cwd, collaboration mode, disabled plugins and roots are a word each in a
//! program. A turn has a key for each of them, and settings/update for all but the roots. Start, resume and fork have no key for
//! the mode and the plugins, which are left out there, and take the effort in their `config`
//! object. `null` is an error in that object, and so is left out of it.

use serde_json::{Map, Value, json};

use super::policy::{Places, approval_json, mode_json, put, reviewer_json};
use super::profile::{self, HOSTS_FEATURE};
use crate::policy::folders;
use crate::policy::layers::SelectedProfile;
use crate::policy::mode::Mode;
use crate::policy::profile::lists_hosts;
use crate::policy::{Approval, CallOverrides, Dimension, NO_PLUGINS, Profiles, TurnOverrides};

/// The secondary dimensions of a turn, or of settings/update.
pub(super) fn of_turn(to: &mut Map<String, Value>, overrides: &TurnOverrides, places: &Places) {
    for (dimension, setting) in &overrides.others {
        let key = match dimension {
            Dimension::E => Some("effort"),
            Dimension::CM => Some("collaborationMode"),
            Dimension::DP => Some("disabledPluginIds"),
            shared => shared_key(*shared),
        };
        if let Some(key) = key {
            put(to, key, setting, |word| spelled(*dimension, word, places));
        }
    }
}

/// The secondary dimensions of start, resume or fork.
pub(super) fn of_call(to: &mut Map<String, Value>, overrides: &CallOverrides, places: &Places) {
    let mut config = Map::new();
    for (dimension, setting) in &overrides.others {
        let param = shared_key(*dimension);
        match (param, config_key(*dimension), setting.value()) {
            (param, Some(key), Some(word)) if overrides.by_config || param.is_none() => {
                config.insert(key.to_owned(), json!(word));
            }
            (Some(key), config_key, _) if !overrides.by_config || config_key.is_none() => {
                put(to, key, setting, |word| spelled(*dimension, word, places));
            }
            _ => {}
        }
    }
    into_config(to, config);
}

/// The primary dimensions of a lifecycle call as keys of config.toml in its `config` object.
/// Not every release takes `untrusted` there, so it goes by its own key.
pub(super) fn by_config(overrides: &CallOverrides, places: &Places) -> Map<String, Value> {
    let mut params = Map::new();
    let mut config = Map::new();
    match overrides.approval.value() {
        None => {}
        Some(Approval::Untrusted) => {
            params.insert("approvalPolicy".to_owned(), approval_json(&Approval::Untrusted));
        }
        Some(approval) => {
            config.insert("approval_policy".to_owned(), approval_json(approval));
        }
    }
    if let Some(reviewer) = overrides.reviewer.value() {
        config.insert("approvals_reviewer".to_owned(), reviewer_json(reviewer));
    }
    match (overrides.profile.value(), overrides.sandbox.value()) {
        (Some(word), _) => {
            config.insert("default_permissions".to_owned(), json!(SelectedProfile::of(word).id));
            if let Some((id, defined)) = overrides.defined_profile() {
                let table = profile::table(defined, places);
                config.insert("permissions".to_owned(), json!({ &id: table }));
                if lists_hosts(&Profiles::from([(id, defined)])) {
                    config.insert("features".to_owned(), json!({ HOSTS_FEATURE: true }));
                }
            }
        }
        (None, Some(mode)) => drop(config.insert("sandbox_mode".to_owned(), mode_json(mode))),
        (None, None) => {}
    }
    into_config(&mut params, config);
    params
}

/// The key that every request with overrides has for a dimension.
fn shared_key(dimension: Dimension) -> Option<&'static str> {
    match dimension {
        Dimension::M => Some("model"),
        Dimension::T => Some("serviceTier"),
        Dimension::CWD => Some("cwd"),
        Dimension::WR => Some("runtimeWorkspaceRoots"),
        _ => None,
    }
}

/// The key of config.toml for a dimension.
fn config_key(dimension: Dimension) -> Option<&'static str> {
    match dimension {
        Dimension::M => Some("model"),
        Dimension::E => Some("model_reasoning_effort"),
        Dimension::T => Some("service_tier"),
        _ => None,
    }
}

fn spelled(dimension: Dimension, word: &str, places: &Places) -> Value {
    match dimension {
        Dimension::CWD => json!(places.path(word)),
        Dimension::WR => {
            json!(folders::listed(word).map(|root| places.path(root)).collect::<Vec<_>>())
        }
        Dimension::CM => mode_object(&Mode::of(word)),
        Dimension::DP if word == NO_PLUGINS => json!([]),
        Dimension::DP => json!(word.split('+').collect::<Vec<_>>()),
        _ => json!(word),
    }
}

/// A mode needs a model, and takes an effort where it has one of its own.
fn mode_object(mode: &Mode) -> Value {
    let mut settings = json!({ "model": mode.model() });
    if let Some(effort) = mode.effort {
        settings["reasoning_effort"] = json!(effort);
    }
    json!({ "mode": mode.name, "settings": settings })
}

fn into_config(to: &mut Map<String, Value>, config: Map<String, Value>) {
    if config.is_empty() {
        return;
    }
    match to.get_mut("config").and_then(Value::as_object_mut) {
        Some(object) => object.extend(config),
        None => drop(to.insert("config".to_owned(), Value::Object(config))),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use serde_json::{Value, json};

    use crate::policy::Dimension;
    use crate::program::Program;
    use crate::program::request::{Back, RequestContext};
    use crate::protocol::policy::{Places, of_reply, of_settings};
    use crate::protocol::requests::{Ids, call};

    fn places() -> Places {
        Places {
            workspace: "/case/ws".into(),
            home: "/case/home".into(),
            outside: "/case/out".into(),
        }
    }

    /// The parameters of the case's second line, which overrides something, without the thread's.
    fn check(line: &str, expected: Expect) {
        let places = places();
        let case = format!("# heirloom case v1\nconfig\nstart -> t0\n{line}\naudit\n");
        let program: Program = case.parse().expect("the line is one");
        let request = program.steps[1].request(RequestContext { back: Back::Revert, number: 7 });
        let request = request.expect("the line sends a request");
        let mut call = call(&request, &Ids::of("id"), &places);
        call.params.as_object_mut().map(|params| params.remove("threadId"));
        expected.assert_eq(&shown(&call.params));
    }

    /// One line a key.
    fn shown(params: &Value) -> String {
        let params = params.as_object().expect("parameters are an object").iter();
        params.map(|(key, value)| format!("{key}: {value}\n")).collect()
    }

    const ALL: &str =
        "model=m effort=high tier=flex cwd=OUT collaboration=plan plugins=a@b+c@d roots=OUT+WS/sub";

    #[test]
    fn settings_have_a_key_for_every_secondary_dimension() {
        check(
            &format!("settings t0 {ALL}"),
            expect![[r#"
                model: "m"
                effort: "high"
                serviceTier: "flex"
                cwd: "/case/out"
                collaborationMode: {"mode":"plan","settings":{"model":"mock-model"}}
                disabledPluginIds: ["a@b","c@d"]
                runtimeWorkspaceRoots: ["/case/out","/case/ws/sub"]
            "#]],
        );
    }

    #[test]
    fn a_mode_carries_a_model_and_an_effort_of_its_own() {
        check(
            "settings t0 collaboration=plan+model:m+effort:high",
            expect![[r#"
            collaborationMode: {"mode":"plan","settings":{"model":"m","reasoning_effort":"high"}}
        "#]],
        );
    }

    #[test]
    fn no_plugins_are_an_empty_list_and_null_stays_null() {
        check(
            "settings t0 plugins=none effort=null tier=null",
            expect![[r#"
            effort: null
            serviceTier: null
            disabledPluginIds: []
        "#]],
        );
    }

    #[test]
    fn a_fork_takes_the_effort_in_its_config_and_has_no_mode_and_no_plugins() {
        check(
            &format!("fork t0 {ALL} -> t1"),
            expect![[r#"
                model: "m"
                serviceTier: "flex"
                cwd: "/case/out"
                runtimeWorkspaceRoots: ["/case/out","/case/ws/sub"]
                config: {"model_reasoning_effort":"high"}
            "#]],
        );
    }

    #[test]
    fn null_is_left_out_of_config_where_it_would_be_an_error() {
        check(
            "resume t0 effort=null model=null tier=null",
            expect![[r#"
            model: null
            serviceTier: null
        "#]],
        );
        check("resume t0 approval=null model=null via=config", expect![[r#""#]]);
    }

    #[test]
    fn overrides_through_config_have_the_keys_of_config_and_untrusted_its_own() {
        let primary = "approval=never reviewer=user sandbox=read-only";
        check(
            &format!("resume t0 {primary} via=config"),
            expect![[r#"
            config: {"approval_policy":"never","approvals_reviewer":"user","sandbox_mode":"read-only"}
        "#]],
        );
        check(
            &format!("resume t0 {ALL} via=config"),
            expect![[r#"
                cwd: "/case/out"
                runtimeWorkspaceRoots: ["/case/out","/case/ws/sub"]
                config: {"model":"m","model_reasoning_effort":"high","service_tier":"flex"}
            "#]],
        );
        check(
            "start approval=untrusted profile=p-ro via=config -> t1",
            expect![[r#"
            approvalPolicy: "untrusted"
            config: {"default_permissions":"p-ro"}
            cwd: "/case/ws"
        "#]],
        );
    }

    #[test]
    fn no_effort_and_no_tier_are_the_default_and_a_key_that_is_not_there_is_not_stated() {
        let reply = json!({
            "approvalPolicy": "never", "approvalsReviewer": "user",
            "sandbox": { "type": "readOnly" },
            "model": "m", "reasoningEffort": null, "serviceTier": null, "cwd": "/case/out/in",
            "disabledPluginIds": [],
        });
        let settings = json!({
            "approvalPolicy": "never", "approvalsReviewer": "user",
            "sandboxPolicy": { "type": "readOnly" }, "activePermissionProfile": { "id": "p-ro" },
            "model": "m", "effort": "high", "serviceTier": "flex",
            "disabledPluginIds": ["a@b", "c@d"],
            "collaborationMode": { "mode": "plan", "settings": { "model": "m" } },
        });
        let reply = of_reply(&reply, &places()).expect("it states a policy");
        let settings = of_settings(&settings, &places()).expect("it states a policy");
        expect![[r#"
            approval=never reviewer=user sandbox=read-only model=m effort=default tier=default cwd=OUT/in plugins=none
            approval=never reviewer=user sandbox=profile:p-ro model=m effort=high tier=flex collaboration=plan plugins=a@b+c@d"#]].assert_eq(&format!("{reply}\n{settings}"));
    }

    #[test]
    fn a_notice_states_the_roots_of_its_one_environment() {
        let environment = json!({ "cwd": "/case/ws",
            "runtimeWorkspaceRoots": ["/case/out", "/case/ws"] });
        let settings = |environments: Value| {
            json!({
                "approvalPolicy": "never", "approvalsReviewer": "user",
                "sandboxPolicy": { "type": "readOnly" }, "cwd": "/case/ws",
                "environments": environments,
            })
        };
        let roots = |environments| {
            let policy = of_settings(&settings(environments), &places());
            policy.expect("it states a policy").others.remove(&Dimension::WR)
        };
        assert_eq!(roots(json!([environment])).as_deref(), Some("CWD+OUT"));
        assert_eq!(roots(json!([environment, environment])), None);
    }

    #[test]
    fn a_start_without_a_folder_is_in_the_workspace() {
        check(
            "start cwd=null -> t1",
            expect![[r#"
            cwd: "/case/ws"
        "#]],
        );
    }
}
