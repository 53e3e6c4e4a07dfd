//! A small schema, and lines that are valid by it or not.
//!
//! It has every shape that releases print. The problems of a line are compared as text, since equal
//! faults must have equal texts.

use expect_test::{Expect, expect};
use serde_json::{Map, Value, json};

use super::problem::Problem;
use super::{Line, NoSchema, Schema, validator};

/// A protocol with every shape that releases print: references in two folders, tagged objects,
/// words with and without a union, what may be null, and parameters that may be absent.
fn printed() -> Value {
    let branch = |method: &str, params: Value| {
        json!({
            "type": "object",
            "required": ["method", "params"],
            "properties": { "method": { "enum": [method] }, "params": params },
        })
    };
    let absent = json!({
        "required": ["method"],
        "properties": { "method": { "enum": ["list/reload"] }, "params": { "type": "null" } },
    });
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "definitions": {
            "ClientRequest": { "oneOf": [
                branch("thing/start", json!({ "$ref": "#/definitions/v2/ThingStartParams" })),
                absent,
            ] },
            "ClientNotification": { "oneOf": [{
                "required": ["method"], "properties": { "method": { "enum": ["initialized"] } },
            }] },
            "ServerRequest": { "oneOf": [
                branch("thing/ask", json!({ "$ref": "#/definitions/ThingAskParams" })),
            ] },
            "ServerNotification": {
                "properties": { "sentAt": { "type": "integer" } },
                "oneOf": [branch("thing/changed", json!({ "$ref": "#/definitions/v2/Thing" }))],
            },
            "JSONRPCErrorError": {
                "type": "object",
                "required": ["code", "message"],
                "properties": { "code": { "type": "integer" }, "message": { "type": "string" } },
            },
            "ThingAskParams": { "type": "object" },
            "ThingAskResponse": {
                "type": "object",
                "required": ["decision"],
                "properties": { "decision": { "enum": ["yes", "no"] } },
            },
            "v2": shapes(),
        },
    })
}

fn shapes() -> Value {
    let tagged = |tag: &str, more: Value| {
        json!({
            "type": "object",
            "required": ["type", "size"],
            "properties": { "type": { "enum": [tag] }, "size": more },
        })
    };
    json!({
        "ThingStartParams": {
            "type": "object",
            "required": ["threadId"],
            "properties": {
                "threadId": { "type": "string" },
                "mode": { "anyOf": [{ "$ref": "#/definitions/v2/Mode" }, { "type": "null" }] },
                "count": { "type": ["integer", "null"], "minimum": 0 },
            },
        },
        "ThingStartResponse": {
            "type": "object",
            "required": ["thing"],
            "properties": { "thing": { "$ref": "#/definitions/v2/Thing" } },
        },
        "ListReloadResponse": { "type": "object", "required": ["names"] },
        "Mode": { "oneOf": [
            { "enum": ["fast"], "type": "string" },
            { "enum": ["slow", "slower"], "type": "string" },
        ] },
        "Thing": {
            "type": "object",
            "properties": {
                "parts": { "type": "array", "items": { "oneOf": [
                    tagged("round", json!({ "type": "integer" })),
                    tagged("square", json!({ "type": "string" })),
                ] } },
                "byId": { "type": "object", "additionalProperties": { "type": "boolean" } },
                "owner": { "anyOf": [
                    { "$ref": "#/definitions/v2/ListReloadResponse" }, { "type": "null" },
                ] },
            },
        },
    })
}

fn schema() -> Schema {
    Schema::read(&printed().to_string()).expect("the printed schema is one")
}

fn texts(problems: &[Problem]) -> String {
    match problems {
        [] => "valid".to_owned(),
        all => all.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
    }
}

fn check_start(params: Value, expected: Expect) {
    let line = Line::Request { method: "thing/start", params: &params };
    expected.assert_eq(&texts(&schema().problems_of_client(line)));
}

fn check_changed(params: Value, expected: Expect) {
    let line = Line::Notification { method: "thing/changed", params: &params, beside: &Map::new() };
    expected.assert_eq(&texts(&schema().problems_of_server(line)));
}

fn check_result(to: &str, result: Value, expected: Expect) {
    expected.assert_eq(&texts(&schema().problems_of_server(Line::Result { to, result: &result })));
}

#[test]
fn a_valid_request_has_no_problem() {
    check_start(json!({ "threadId": "t", "mode": "slow", "count": 2 }), expect!["valid"]);
}

#[test]
fn null_is_valid_where_the_schema_says_so() {
    check_start(json!({ "threadId": "t", "mode": null, "count": null }), expect!["valid"]);
}

#[test]
fn every_problem_of_a_line_is_told() {
    check_start(
        json!({ "mode": "odd", "count": "2" }),
        expect![[r#"
            params: lacks "threadId"
            params.count: "2" where null or integer is expected
            params.mode: "odd" is not one of "fast", "slow", "slower""#]],
    );
}

#[test]
fn a_value_of_another_type_is_told_by_its_type() {
    check_start(
        json!({ "threadId": 7, "mode": {} }),
        expect![[r#"
            params.mode: an object where string or null is expected
            params.threadId: a number where string is expected"#]],
    );
}

#[test]
fn missing_parameters_are_told() {
    check_start(Value::Null, expect!["params: null where object is expected"]);
}

#[test]
fn parameters_that_may_be_absent_may_be_absent() {
    let line = Line::Request { method: "list/reload", params: &Value::Null };
    expect!["valid"].assert_eq(&texts(&schema().problems_of_client(line)));
}

#[test]
fn an_entry_is_told_by_the_form_that_its_tag_names() {
    check_changed(
        json!({ "parts": [{ "type": "round", "size": 1 }, { "type": "round", "size": "x" }] }),
        expect![[r#"params.parts[].size: "x" where integer is expected"#]],
    );
}

#[test]
fn a_field_that_lacks_is_told_of_the_form_that_the_tag_names() {
    check_changed(
        json!({ "parts": [{ "type": "square" }] }),
        expect![[r#"params.parts[]: lacks "size""#]],
    );
}

#[test]
fn an_unknown_tag_is_told() {
    check_changed(
        json!({ "parts": [{ "type": "oval", "size": 1 }] }),
        expect![[r#"params.parts[]: type "oval" is not one of "round", "square""#]],
    );
}

#[test]
fn a_field_that_lacks_where_null_may_stand_is_told() {
    check_changed(json!({ "owner": {} }), expect![[r#"params.owner: lacks "names""#]]);
}

#[test]
fn neither_ids_nor_paths_stand_in_a_problem() {
    let id = "0190c7e0-0000-7000-8000-000000000000";
    check_changed(
        json!({ "byId": { (id): id }, "parts": "/tmp/a" }),
        expect![[r#"
            params.byId.{}: a text where boolean is expected
            params.parts: a text where array is expected"#]],
    );
}

#[test]
fn what_stands_beside_the_parameters_is_held_too() {
    let beside = Map::from_iter([("sentAt".to_owned(), json!("now"))]);
    let line = Line::Notification { method: "thing/changed", params: &json!({}), beside: &beside };
    expect![[r#"sentAt: "now" where integer is expected"#]]
        .assert_eq(&texts(&schema().problems_of_server(line)));
}

#[test]
fn a_result_is_held_against_what_answers_its_request() {
    check_result("thing/start", json!({}), expect![[r#"result: lacks "thing""#]]);
}

#[test]
fn a_result_is_found_by_the_method_where_parameters_have_no_name() {
    check_result("list/reload", json!({}), expect![[r#"result: lacks "names""#]]);
}

#[test]
fn an_answer_of_the_client_is_held_against_what_the_server_asked() {
    let line = Line::Result { to: "thing/ask", result: &json!({ "decision": "perhaps" }) };
    expect![[r#"result.decision: "perhaps" is not one of "yes", "no""#]]
        .assert_eq(&texts(&schema().problems_of_client(line)));
}

#[test]
fn a_refusal_is_held_against_what_refuses() {
    let line = Line::Refusal { error: &json!({ "code": "x", "message": "no" }) };
    expect![[r#"error.code: "x" where integer is expected"#]]
        .assert_eq(&texts(&schema().problems_of_server(line)));
}

#[test]
fn a_method_of_the_other_side_is_unknown() {
    let line = Line::Request { method: "thing/ask", params: &json!({}) };
    expect!["the schema knows no such request"]
        .assert_eq(&texts(&schema().problems_of_client(line)));
}

#[test]
fn what_can_be_asked_for_is_known() {
    let schema = schema();
    let known = [
        schema.has("thing/start"),
        schema.has("thing/changed"),
        schema.has("thing/stop"),
        schema.takes("thing/start", "mode"),
        schema.takes("thing/start", "size"),
        schema.takes("list/reload", "mode"),
        schema.allows("thing/start", "mode", &json!("slow")),
        schema.allows("thing/start", "mode", &json!("odd")),
        schema.allows("thing/start", "count", &json!(-1)),
        schema.allows("thing/start", "size", &json!(1)),
    ];
    expect!["[true, true, false, true, false, true, true, false, false, false]"]
        .assert_eq(&format!("{known:?}"));
}

fn check_refused(text: &str, expected: Expect) {
    let refused = Schema::read(text).map_err(|error: NoSchema| error.to_string());
    expected.assert_eq(&refused.expect_err("it is not a schema"));
}

#[test]
fn a_text_that_is_no_schema_is_refused() {
    check_refused(
        "{",
        expect!["the printed schema is not JSON: EOF while parsing an object at line 1 column 1"],
    );
}

#[test]
fn a_schema_of_something_else_is_refused() {
    check_refused("{}", expect!["the printed schema has no definition of ClientRequest"]);
}

#[test]
fn a_keyword_that_is_not_known_forbids_nothing() {
    let schema = json!({ "type": "string", "writeOnly": true, "pattern": "^a" });
    assert!(validator::errors(&schema, &json!({}), &json!("b")).is_empty());
    assert_eq!(validator::errors(&schema, &json!({}), &json!(7)).len(), 1);
}

#[test]
fn a_reference_to_itself_is_an_error_of_the_value() {
    let bundle = json!({ "definitions": { "a": { "$ref": "#/definitions/a" } } });
    let schema = json!({ "$ref": "#/definitions/a" });
    assert_eq!(validator::errors(&schema, &bundle, &json!(7)).len(), 1);
}
