//! The schemas of the wire, generated from the types of this crate: JSON Schema, OpenAPI 3.1 and AsyncAPI 3.0. They
//! are committed under `schema/`; a test fails when they drift, and `MTOR_BLESS=1 cargo test -p mtor-protocol` writes
//! them anew.

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::body::{Body, Way};
use crate::http::{self, Access, Route};
use crate::openai;
use crate::problem::{Problem, ProblemKind};
use crate::{SUBPROTOCOL, intent, peer};

/// The committed files, by name.
pub fn files() -> [(&'static str, Value); 3] {
    [("mtor.schema.json", json_schema()), ("openapi.json", openapi()), ("asyncapi.json", asyncapi())]
}

/// One JSON Schema document with every type that crosses a wire under `$defs`.
pub fn json_schema() -> Value {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let mut definitions = definitions(&mut generator);
    let events: Map<String, Value> = Body::schemas(&mut generator)
        .into_iter()
        .map(|(kind, _, schema)| (kind.to_owned(), schema.into()))
        .collect();
    definitions.extend(generator.take_definitions(true));
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": format!("What crosses a wire in an MTOR realm ({SUBPROTOCOL})"),
        "description": "Under $defs every type; under properties the data of every type of event.",
        "properties": events,
        "$defs": definitions,
    })
}

/// The HTTP interface, from the table of routes.
pub fn openapi() -> Value {
    let mut generator = SchemaSettings::openapi3().into_generator();
    let mut schemas = definitions(&mut generator);
    schemas.extend(generator.take_definitions(true));
    let mut paths = Map::new();
    for route in http::ROUTES {
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[route.method.to_lowercase()] = operation(route);
    }
    json!({
        "openapi": "3.0.3",
        "info": {
            "title": "MTOR realm",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "On loopback a request without a key is the owner's. Elsewhere a wallet signs (RFC 9421) or sends an API key.",
            "license": { "name": "MIT OR Apache-2.0" }
        },
        "servers": [{ "url": "http://127.0.0.1:9000" }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "apiKey": { "type": "http", "scheme": "bearer" },
                "signature": { "type": "apiKey", "in": "header", "name": "Signature", "description": "RFC 9421, ed25519, keyid = did:key" }
            }
        }
    })
}

/// The WebSocket interface: a channel with every type of event, from the realm's point of view.
pub fn asyncapi() -> Value {
    let mut generator = SchemaSettings::draft07()
        .with(|settings| settings.definitions_path = "/components/schemas".into())
        .into_generator();
    let bodies = Body::schemas(&mut generator);
    let definitions = generator.take_definitions(true);
    let (mut messages, mut received, mut sent) = (Map::new(), Vec::new(), Vec::new());
    for (kind, way, data) in bodies {
        messages.insert(kind.to_owned(), message(kind, data.into()));
        let reference = json!({ "$ref": format!("#/channels/ws/messages/{kind}") });
        match way {
            Way::ClientToBroker | Way::WorkerToBroker => received.push(reference),
            Way::AnyToBroker if kind == "mtor.worker.drain" => {
                received.push(reference.clone());
                sent.push(reference);
            }
            Way::AnyToBroker => received.push(reference),
            Way::BrokerToClient | Way::BrokerToWorker | Way::BrokerToAny => sent.push(reference),
        }
    }
    json!({
        "asyncapi": "3.0.0",
        "info": { "title": "MTOR realm", "version": env!("CARGO_PKG_VERSION") },
        "servers": { "home": { "host": "127.0.0.1:9000", "protocol": "ws", "pathname": "/ws" } },
        "channels": { "ws": {
            "address": "/ws",
            "description": format!("CloudEvents 1.0 in text frames, subprotocol {SUBPROTOCOL}; the realm speaks first. Binary frames: \"MF\", version, kind, job id, lease, sequence, payload."),
            "messages": messages
        }},
        "operations": {
            "receive": { "action": "receive", "channel": { "$ref": "#/channels/ws" }, "messages": received },
            "send": { "action": "send", "channel": { "$ref": "#/channels/ws" }, "messages": sent }
        },
        "components": { "schemas": definitions }
    })
}

fn message(kind: &str, data: Value) -> Value {
    json!({
        "name": kind,
        "contentType": "application/cloudevents+json",
        "payload": {
            "type": "object",
            "required": ["specversion", "id", "source", "type", "time", "data"],
            "properties": {
                "specversion": { "const": "1.0" },
                "id": { "type": "string" },
                "source": { "type": "string", "description": "did:key of the sender" },
                "type": { "const": kind },
                "time": { "type": "string", "format": "date-time" },
                "subject": { "type": "string", "format": "uuid", "description": "the job" },
                "sequence": { "type": "integer", "minimum": 1, "description": "position among the job's events" },
                "data": data
            }
        }
    })
}

/// Every named schema that a route mentions.
fn definitions(generator: &mut SchemaGenerator) -> Map<String, Value> {
    macro_rules! named {
        ($($name:literal: $type:ty),+ $(,)?) => {
            vec![$(($name, generator.subschema_for::<$type>())),+]
        };
    }
    let lists = named! {
        "PriceList": Vec<http::PriceInfo>, "PriceHistories": Vec<http::PriceHistory>, "JobProofs": http::JobProofs,
        "WorkerList": Vec<http::WorkerInfo>,
        "ApiKeyList": Vec<http::ApiKey>, "PasskeyList": Vec<http::PasskeyInfo>, "AttachmentList": Vec<crate::Attachment>, "CaseList": Vec<crate::trust::CaseInfo>, "PeerList": Vec<peer::PeerInfo>,
    };
    // Mentioned so that the generator defines them under their own names.
    let _ = named! {
        "Submit": intent::Submit, "Order": crate::Order, "OrderSeal": crate::OrderSeal, "Receipt": crate::Receipt, "Problem": Problem, "RealmInfo": http::RealmInfo, "QueueInfo": http::QueueInfo,
        "JobInfo": http::JobInfo, "JobPage": http::JobPage, "WalletInfo": http::WalletInfo,
        "StarterChallenge": http::StarterChallenge, "StarterClaim": http::StarterClaim,
        "MovementPage": http::MovementPage, "TransferRequest": http::TransferRequest,
        "KeyRequest": http::KeyRequest, "ApiKey": http::ApiKey,
        "DeviceList": http::DeviceList, "PasskeyRequest": http::PasskeyRequest, "PasskeySealed": http::PasskeySealed,
        "KeyStatement": crate::KeyStatement, "WalletKeysInfo": crate::WalletKeysInfo,
        "GrantRequest": crate::GrantRequest, "GrantInfo": crate::GrantInfo, "GrantList": crate::GrantList,
        "PlanAsk": crate::PlanAsk, "PlanAnswer": crate::PlanAnswer, "Plan": crate::Plan, "PlanPage": crate::PlanPage,
        "AttachRequest": crate::AttachRequest, "Attachment": crate::Attachment,
        "CaseInfo": crate::trust::CaseInfo, "CaseRequest": crate::trust::CaseRequest,
        "PeerInviteRequest": peer::PeerInviteRequest, "PeerInvite": peer::PeerInvite, "PeerJoinRequest": peer::PeerJoinRequest,
        "PeerGreeting": peer::PeerGreeting, "PeerWelcome": peer::PeerWelcome, "PeerTerms": peer::PeerTerms, "PeerInfo": peer::PeerInfo,
        "HandoverRequest": http::HandoverRequest, "Handover": http::Handover, "HandoverTaken": http::HandoverTaken,
        "ChatCompletionRequest": openai::ChatCompletionRequest, "ChatCompletion": openai::ChatCompletion<'static>,
        "EmbeddingRequest": openai::EmbeddingRequest, "EmbeddingList": openai::EmbeddingList,
        "ImageRequest": openai::ImageRequest, "ImageList": openai::ImageList,
        "TranscriptionRequest": openai::TranscriptionRequest, "Transcription": openai::Transcription,
        "TranscriptionEvent": openai::TranscriptionEvent, "SpeechRequest": openai::SpeechRequest,
        "SpeechEvent": openai::SpeechEvent, "Transcript": crate::Transcript, "Seen": crate::picture::Seen, "Resolve": crate::resolve::Resolve, "Resolved": crate::resolve::Resolved,
        "ModelList": openai::ModelList, "ModelCard": openai::ModelCard, "ErrorBody": openai::ErrorBody,
    };
    lists.into_iter().map(|(name, schema)| (name.to_owned(), schema.into())).collect()
}

fn operation(route: &Route) -> Value {
    let schema = |name: &str| json!({ "$ref": format!("#/components/schemas/{name}") });
    let content = match route.response {
        media if media.contains('/') => json!({ media: { "schema": { "type": "string" } } }),
        name => json!({ "application/json": { "schema": schema(name) } }),
    };
    let (error_media, error) = match route.path.starts_with("/v1/") {
        true => ("application/json", schema("ErrorBody")),
        false => ("application/problem+json", schema("Problem")),
    };
    let in_path =
        route.path.split(['{', '}']).skip(1).step_by(2).map(
            |name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }),
        );
    let in_query = route.query.iter().map(|(name, meaning)| {
        json!({ "name": name, "in": "query", "description": meaning, "schema": { "type": "string" } })
    });
    let kinds: Vec<_> = ProblemKind::ALL.iter().map(|kind| kind.slug()).collect();
    let mut operation = json!({
        "summary": route.summary,
        "parameters": in_path.chain(in_query).collect::<Vec<_>>(),
        "responses": {
            "200": { "description": "done", "content": content },
            "default": {
                "description": format!("a problem, one of: {}", kinds.join(", ")),
                "content": { error_media: { "schema": error } }
            }
        }
    });
    if route.access == Access::Wallet {
        operation["security"] = json!([{}, { "signature": [] }, { "apiKey": [] }]);
    }
    if let Some(name) = route.request {
        // The one request that is a form: its recording is no JSON.
        let content = match name {
            "TranscriptionRequest" => {
                let file = json!({ "type": "object", "required": ["file"], "properties": { "file": { "type": "string", "format": "binary" } } });
                json!({ "multipart/form-data": { "schema": { "allOf": [schema(name), file] } } })
            }
            _ => json!({ "application/json": { "schema": schema(name) } }),
        };
        operation["requestBody"] = json!({ "required": true, "content": content });
    }
    operation
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn committed_schemas_are_what_the_types_say() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("schema");
        for (name, value) in files() {
            let text = serde_json::to_string_pretty(&value).unwrap() + "\n";
            let path = folder.join(name);
            if std::env::var_os("MTOR_BLESS").is_some() {
                std::fs::create_dir_all(&folder).unwrap();
                std::fs::write(&path, &text).unwrap();
            }
            let committed = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(
                committed == text,
                "{name} is not what the types say; run MTOR_BLESS=1 cargo test -p mtor-protocol"
            );
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        for (name, document) in files() {
            let mut references = Vec::new();
            collect(&document, &mut references);
            assert!(!references.is_empty());
            for reference in references {
                assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{name}: {reference}");
            }
        }
    }

    fn collect<'a>(value: &'a Value, references: &mut Vec<&'a str>) {
        match value {
            Value::Object(map) => {
                references.extend(map.get("$ref").and_then(Value::as_str));
                map.values().for_each(|inner| collect(inner, references));
            }
            Value::Array(list) => list.iter().for_each(|inner| collect(inner, references)),
            _ => {}
        }
    }
}
