//! Hosts: only those that a manifest asks for and the person allowed.

use axum::Router;
use axum::response::Redirect;
use axum::routing::get;
use mtor_sandbox::{Allowed, Halt, Limits};
use serde_json::json;

use crate::modules::{load, module, visit};

/// A server of somebody's own network, on a port of its own.
async fn server() -> String {
    let routes = Router::new()
        .route("/", get(|| async { "sunny" }))
        .route("/away", get(|| async { Redirect::temporary("http://localhost:1/secret") }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { axum::serve(listener, routes).await });
    host
}

/// A module that asks for hosts, fetches an address, and writes what it got.
fn fetches(hosts: &[&str], url: &str) -> String {
    let body = format!(
        "(local $got i32)
        (local.set $got (call $http_get (i32.const 3000) (i32.const {})))
        (call $take (i32.const 8192))
        (call $chunk (i32.const 8192) (local.get $got))
        (global.get $done)",
        url.len()
    );
    module(hosts, &body).replace("(global $done", &format!("(data (i32.const 3000) {url:?}) (global $done"))
}

async fn what_comes(hosts: &[&str], allowed: Allowed, url: &str) -> Result<String, Halt> {
    let skill = load(&fetches(hosts, url), &allowed, Limits::default()).unwrap();
    visit(&skill, json!({})).await
}

fn private(host: &str) -> Allowed {
    Allowed { private: vec![host.to_owned()], ..Allowed::default() }
}

fn public(host: &str) -> Allowed {
    Allowed { public: vec![host.to_owned()], ..Allowed::default() }
}

#[tokio::test]
async fn a_page_comes_from_a_host_that_is_asked_for_and_allowed() {
    let host = server().await;
    let text = what_comes(&[&host], private(&host), &format!("http://{host}/")).await.unwrap();
    assert!(text.contains(r#""text":"sunny""#) && text.ends_with("done"), "{text}");
}

#[tokio::test]
async fn any_other_host_stops_the_skill_and_is_named() {
    let host = server().await;
    let url = format!("http://{host}/");
    for (hosts, allowed, told) in [
        // Asked for, and not allowed.
        (vec![host.as_str()], Allowed::default(), "not among the hosts"),
        // Allowed, and not asked for.
        (vec![], private(&host), "not among the hosts"),
        // Allowed as one of the open web, and inside.
        (vec![host.as_str()], public(&host), "no address of the open web"),
        // Another port of a host that is allowed.
        (vec!["127.0.0.1"], private("127.0.0.1"), "not among the hosts"),
    ] {
        let Err(Halt::Host(why)) = what_comes(&hosts, allowed, &url).await else { panic!("{told}") };
        assert!(why.contains(told), "{why}");
    }
    let away = what_comes(&[&host], private(&host), &format!("http://{host}/away")).await;
    let Err(Halt::Host(why)) = away else { panic!("it was sent on: {away:?}") };
    assert!(why.contains("localhost:1"), "{why}");
    let file = what_comes(&[&host], private(&host), "file:///etc/passwd").await;
    assert!(matches!(file, Err(Halt::Host(_))), "{file:?}");
}

#[tokio::test]
async fn a_server_that_is_down_is_told_to_the_skill() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    drop(listener);
    let text = what_comes(&[&host], private(&host), &format!("http://{host}/")).await.unwrap();
    assert!(text.contains(r#"{"error":"#), "{text}");
}
