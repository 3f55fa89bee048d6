//! The house, as Home Assistant's REST interface has it.

use std::sync::{Arc, Mutex};

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::servers::{ask, secret, serve, skills};

type Called = Arc<Mutex<Vec<String>>>;

fn allowed(headers: &HeaderMap) -> Result<(), StatusCode> {
    let token = headers.get("authorization").and_then(|token| token.to_str().ok());
    if token == Some("Bearer secret") { Ok(()) } else { Err(StatusCode::UNAUTHORIZED) }
}

async fn call(
    State(called): State<Called>,
    Path((domain, service)): Path<(String, String)>,
    headers: HeaderMap,
    Json(data): Json<Value>,
) -> Result<Json<Value>, StatusCode> {
    allowed(&headers)?;
    called.lock().unwrap().push(format!("{domain}.{service} {data}"));
    Ok(Json(json!([])))
}

async fn state(Path(entity): Path<String>, headers: HeaderMap) -> Result<Json<Value>, StatusCode> {
    allowed(&headers)?;
    let (state, unit) = match entity.as_str() {
        "sensor.bath" => ("21.5", json!({"unit_of_measurement": "°C"})),
        "light.kitchen" => ("on", json!({})),
        _ => return Err(StatusCode::NOT_FOUND),
    };
    Ok(Json(json!({"entity_id": entity, "state": state, "attributes": unit})))
}

#[tokio::test]
async fn only_what_is_listed_is_switched_and_asked() {
    let called = Called::default();
    let routes = Router::new()
        .route("/api/services/{domain}/{service}", post(call))
        .route("/api/states/{entity}", get(state))
        .with_state(called.clone());
    let url = serve(routes).await;
    let folder = tempfile::tempdir().unwrap();
    secret(folder.path(), "token", "secret\n");
    let settings = |token: &str| {
        format!(
            "[home]\nurl = '{url}'\ntoken_file = '{token}'\n[home.entities]\n'light.kitchen' = ['kitchen light', 'Küchenlicht']\n\
             'sensor.bath' = ['bathroom temperature']\n'lock.front' = ['front door']\n"
        )
    };
    let home = skills(folder.path(), &settings("token"));
    let on = json!({"action": "on", "device": "the light in the kitchen"});
    assert_eq!(ask(&home, "home", on.clone()).await.unwrap(), "The kitchen light is on.");
    let dim = json!({"action": "set", "device": "Küchenlicht", "value": "40 Prozent", "language": "de"});
    assert_eq!(ask(&home, "home", dim).await.unwrap(), "kitchen light ist auf 40 Prozent gestellt.");
    let bath = json!({"action": "query", "device": "the bathroom temperature"});
    assert_eq!(ask(&home, "home", bath).await.unwrap(), "The bathroom temperature is 21.5 °C.");
    let alarm = json!({"action": "off", "device": "the alarm"});
    assert_eq!(ask(&home, "home", alarm).await.unwrap(), "I know no alarm in this house.");
    let door = json!({"action": "set", "device": "front door", "value": "5"});
    assert_eq!(ask(&home, "home", door).await.unwrap(), "I can't do that with the front door.");
    let calls = called.lock().unwrap().clone();
    assert_eq!(
        calls,
        [
            r#"light.turn_on {"entity_id":"light.kitchen"}"#,
            r#"light.turn_on {"brightness_pct":40,"entity_id":"light.kitchen"}"#
        ]
    );

    secret(folder.path(), "old", "other");
    let error = ask(&skills(folder.path(), &settings("old")), "home", on).await.unwrap_err().to_string();
    assert_eq!(error, "Home Assistant does not take the token");
}
