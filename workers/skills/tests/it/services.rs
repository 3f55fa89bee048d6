//! Weather, places, the encyclopedia, news and pages, as their servers answer.

use axum::extract::{Path, Query};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use std::collections::HashMap;

use crate::servers::{ask, serve, skills};

type Asked = Query<HashMap<String, String>>;

async fn places(Query(asked): Asked) -> Json<Value> {
    // Open-Meteo leaves `results` out when there are none.
    if asked["name"] != "Köln" && asked["name"] != "Hamburg" {
        return Json(json!({"generationtime_ms": 0.5}));
    }
    Json(
        json!({"results": [{"id": 1, "name": asked["name"], "latitude": 50.93, "longitude": 6.95, "elevation": 58.0,
                             "country_code": "DE", "timezone": "Europe/Berlin"}], "generationtime_ms": 0.5}),
    )
}

async fn forecast(Query(asked): Asked) -> Result<Json<Value>, StatusCode> {
    let wanted = asked["latitude"] == "50.93"
        && asked["daily"].contains("temperature_2m_max")
        && asked["timezone"] == "auto";
    if !wanted {
        return Err(StatusCode::BAD_REQUEST);
    }
    Ok(Json(json!({
        "latitude": 50.92, "longitude": 6.96, "timezone": "Europe/Berlin", "current_units": {"temperature_2m": "°C"},
        "current": {"time": "2026-12-01T12:00", "interval": 900, "temperature_2m": 6.1, "apparent_temperature": 5.0,
                    "weather_code": 3, "wind_speed_10m": 10.0},
        "daily": {"time": ["2026-12-01", "2026-12-02"], "weather_code": [3, 61], "temperature_2m_max": [7.4, 5.0],
                  "temperature_2m_min": [2.0, 1.0], "precipitation_probability_max": [5, 90]}
    })))
}

#[tokio::test]
async fn the_weather_is_told_for_a_place_or_for_home() {
    let url =
        serve(Router::new().route("/v1/search", get(places)).route("/v1/forecast", get(forecast))).await;
    let folder = tempfile::tempdir().unwrap();
    let settings = format!("[weather]\nplace = 'Hamburg'\nurl = '{url}'\nplaces_url = '{url}/'");
    let weather = skills(folder.path(), &settings);
    let tomorrow = json!({"place": "Köln", "day": "tomorrow", "language": "de"});
    let told = ask(&weather, "weather", tomorrow).await.unwrap();
    assert_eq!(told, "Köln: Morgen: Regen, 1 bis 5 Grad, 90 % Regenwahrscheinlichkeit.");
    let told = ask(&weather, "weather", json!({})).await.unwrap();
    assert!(told.starts_with("In Hamburg it is 6 degrees and overcast"), "{told}");
    let nowhere = ask(&weather, "weather", json!({"place": "Atlantis"})).await.unwrap();
    assert_eq!(nowhere, "I can't find a place called Atlantis.");
    // No zone is named after it, but the server knows where it lies.
    let time = ask(&weather, "time", json!({"place": "Köln", "language": "de"})).await.unwrap();
    assert!(time.starts_with("In Köln ist es "), "{time}");
}

#[tokio::test]
async fn a_service_that_is_down_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let down = "url = 'http://127.0.0.1:1'\nplaces_url = 'http://127.0.0.1:1'\nplace = 'Rome'";
    let weather = skills(folder.path(), &format!("[weather]\n{down}"));
    let error = ask(&weather, "weather", json!({})).await.unwrap_err().to_string();
    assert!(error.contains("can't be reached"), "{error}");
}

#[tokio::test]
async fn the_encyclopedia_is_searched_and_summed_up() {
    let search = get(|Query(asked): Asked| async move {
        let pages = if asked["q"] == "countess of computing" {
            json!([{"id": 1, "key": "Ada_Lovelace", "title": "Ada Lovelace", "excerpt": "", "description": ""}])
        } else {
            json!([])
        };
        Json(json!({ "pages": pages }))
    });
    let summary = get(|Path(key): Path<String>| async move {
        let page = json!({"desktop": {"page": format!("https://en.wikipedia.org/wiki/{key}")}});
        Json(
            json!({"type": "standard", "title": "Ada Lovelace", "extract": "She wrote a program.", "content_urls": page}),
        )
    });
    let routes = Router::new()
        .route("/en/w/rest.php/v1/search/page", search)
        .route("/en/api/rest_v1/page/summary/{key}", summary);
    let url = serve(routes).await;
    let folder = tempfile::tempdir().unwrap();
    let wiki = skills(folder.path(), &format!("[wikipedia]\nurl = '{url}/{{language}}'"));
    let ada = ask(&wiki, "wikipedia", json!({"query": "countess of computing"})).await.unwrap();
    assert_eq!(ada, "She wrote a program.\n\n[Ada Lovelace](https://en.wikipedia.org/wiki/Ada_Lovelace)");
    let nothing = ask(&wiki, "wikipedia", json!({"query": "xyzzy"})).await.unwrap();
    assert_eq!(nothing, "Wikipedia has nothing about xyzzy.");
}

#[tokio::test]
async fn one_feed_that_is_down_is_no_reason_to_be_without_news() {
    let feed = "<rss><channel><item><title>Good news</title></item></channel></rss>";
    let url = serve(Router::new().route("/feed", get(move || async move { feed }))).await;
    let folder = tempfile::tempdir().unwrap();
    let news = skills(folder.path(), &format!("[news.feeds]\nen = ['{url}/gone', '{url}/feed']"));
    let told = ask(&news, "news", json!({"language": "de"})).await.unwrap();
    assert_eq!(told, "Die Schlagzeilen:\n\n- Good news.");
    let none = skills(folder.path(), &format!("[news.feeds]\nen = ['{url}/gone']"));
    assert!(ask(&none, "news", json!({})).await.unwrap_err().to_string().contains("404"));
}

#[tokio::test]
async fn a_page_is_read_where_it_may_be_and_nowhere_else() {
    const PAGE: &str = "<html><title>T</title><body><nav>Menu</nav><article><h1>Cats</h1><p>Cats sleep for most of the day, \
                        says who has one.</p></article></body></html>";
    let routes = Router::new()
        .route("/cats", get(|| async { Html(PAGE) }))
        .route("/moved", get(|| async { Redirect::permanent("/cats") }))
        .route("/inside", get(|| async { Redirect::temporary("http://127.0.0.2:1/admin") }))
        .route("/loop", get(|| async { Redirect::temporary("/loop") }))
        .route("/picture", get(|| async { ([(header::CONTENT_TYPE, "image/png")], "x").into_response() }))
        .route("/large", get(|| async { "x".repeat(5 << 20) }));
    let url = serve(routes).await;
    let folder = tempfile::tempdir().unwrap();
    let closed = skills(folder.path(), "");
    let refused = ask(&closed, "web", json!({"url": format!("{url}/cats")})).await.unwrap_err().to_string();
    assert!(refused.contains("no address of the open web"), "{refused}");

    let open = skills(folder.path(), "[web]\nprivate_hosts = ['127.0.0.1']");
    let read = async |path: &str| ask(&open, "web", json!({"url": format!("{url}{path}")})).await;
    let cats = "**Cats**\n\nCats sleep for most of the day, says who has one.";
    assert_eq!((read("/cats").await.unwrap().as_str(), read("/moved").await.unwrap().as_str()), (cats, cats));
    assert!(read("/picture").await.unwrap().contains("is no page that can be read, but image/png"));
    for (path, why) in [
        ("/inside", "127.0.0.2 is no address of the open web"),
        ("/loop", "moved more than"),
        ("/large", "sends more than"),
        ("/gone", "404"),
    ] {
        let error = read(path).await.unwrap_err().to_string();
        assert!(error.contains(why), "{path}: {error}");
    }
}
