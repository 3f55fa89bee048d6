//! A client of the HTTP interface.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use mtor_identity::{Keypair, RequestParts, SignatureHeaders, random_nonce, sign_request};
use mtor_protocol::http::{JobInfo, JobPage, MovementPage, WalletInfo};
use mtor_protocol::{ChatTask, Did, Intent, JobId, Problem, ProblemKind, Submit, Task};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde::de::DeserializeOwned;

use crate::deadline::{until, within};
use crate::sse::EventStream;

/// Who asks.
#[derive(Clone)]
pub enum Who {
    /// Somebody on the realm's machine, who says nothing of himself.
    Owner,
    /// A wallet that signs.
    Wallet(Arc<Keypair>),
    /// A program with an API key.
    Key(String),
}

/// A client of one realm.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    address: SocketAddr,
    who: Who,
    did: Did,
}

/// What the realm answered.
#[derive(Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl Client {
    pub(crate) fn new(address: SocketAddr, who: Who, did: Did) -> Self {
        // The client wants to know its cryptography even where it uses none; another test may have chosen it already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .expect("an HTTP client without options");
        Self { http, address, who, did }
    }

    /// The same realm, asked by a program with an API key of this wallet.
    pub fn with_key(&self, secret: &str) -> Self {
        Self { who: Who::Key(secret.to_owned()), ..self.clone() }
    }

    /// Whose wallet it is.
    pub fn did(&self) -> &Did {
        &self.did
    }

    /// Who asks.
    pub fn who(&self) -> &Who {
        &self.who
    }

    /// The key that it signs with.
    ///
    /// # Panics
    /// When it does not sign.
    pub fn keypair(&self) -> &Arc<Keypair> {
        match &self.who {
            Who::Wallet(key) => key,
            Who::Owner | Who::Key(_) => panic!("this client has no key of its own"),
        }
    }

    /// `GET`.
    pub async fn get(&self, route: &str) -> Reply {
        self.send("GET", route, Vec::new(), HeaderMap::new()).await
    }

    /// `GET`, of a realm that may not be there.
    pub async fn try_get(&self, route: &str) -> Option<Reply> {
        let response = self.http.get(self.url(route)).send().await.ok()?;
        read(response).await.ok()
    }

    /// `GET` as this client, of a realm that may go away in the middle of it.
    pub async fn try_get_signed(&self, route: &str) -> Option<Reply> {
        let headers = self.proof("GET", route, &[]);
        let response = self.http.get(self.url(route)).headers(headers).send().await.ok()?;
        read(response).await.ok()
    }

    /// `POST`, to a realm that may go away in the middle of it.
    pub async fn try_post(&self, route: &str, body: Vec<u8>) -> Option<Reply> {
        let headers = self.proof("POST", route, &body);
        let response = self.http.post(self.url(route)).headers(headers).body(body).send().await.ok()?;
        read(response).await.ok()
    }

    /// `DELETE`, of a realm that may go away in the middle of it.
    pub async fn try_delete(&self, route: &str) -> Option<Reply> {
        let headers = self.proof("DELETE", route, &[]);
        let response = self.http.delete(self.url(route)).headers(headers).send().await.ok()?;
        read(response).await.ok()
    }

    /// `POST`.
    pub async fn post(&self, route: &str, body: impl Into<Vec<u8>>) -> Reply {
        self.send("POST", route, body.into(), HeaderMap::new()).await
    }

    /// `DELETE`.
    pub async fn delete(&self, route: &str) -> Reply {
        self.send("DELETE", route, Vec::new(), HeaderMap::new()).await
    }

    /// Any request, signed or keyed as this client does, with more headers.
    pub async fn send(&self, method: &str, route: &str, body: Vec<u8>, more: HeaderMap) -> Reply {
        let mut headers = self.proof(method, route, &body);
        headers.extend(more);
        self.send_as_is(method, route, body, headers).await
    }

    /// Any request, with these headers alone.
    ///
    /// # Panics
    /// When no answer comes.
    pub async fn send_as_is(&self, method: &str, route: &str, body: Vec<u8>, headers: HeaderMap) -> Reply {
        let method: reqwest::Method = method.parse().unwrap();
        let request = self.http.request(method, self.url(route)).headers(headers).body(body);
        within(&format!("an answer to {route}"), async { read(request.send().await?).await })
            .await
            .unwrap_or_else(|error| panic!("no answer to {route}: {error:?}"))
    }

    /// The headers that prove who asks.
    pub fn proof(&self, method: &str, route: &str, body: &[u8]) -> HeaderMap {
        match &self.who {
            Who::Owner => HeaderMap::new(),
            Who::Wallet(key) => headers_of(&self.sign(key, method, route, body)),
            Who::Key(secret) => header_map(&[("authorization", &format!("Bearer {secret}"))]),
        }
    }

    fn sign(&self, key: &Keypair, method: &str, route: &str, body: &[u8]) -> SignatureHeaders {
        let (path, query) = route.split_once('?').map_or((route, None), |(path, query)| (path, Some(query)));
        let authority = self.address.to_string();
        let request = RequestParts { method, authority: &authority, path, query, body };
        let now_s = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        sign_request(key, &request, now_s, &random_nonce().unwrap()).unwrap()
    }

    /// Submits a job; panics when it is refused.
    pub async fn submit(&self, submit: &Submit) -> JobInfo {
        self.try_submit(submit).await.json()
    }

    /// Submits a job that may be refused.
    pub async fn try_submit(&self, submit: &Submit) -> Reply {
        self.post("/api/jobs", serde_json::to_vec(submit).unwrap()).await
    }

    /// A job of this wallet.
    pub async fn job(&self, id: JobId) -> JobInfo {
        self.get(&format!("/api/jobs/{id}")).await.json()
    }

    /// A job of this wallet, once it has ended.
    pub async fn settled(&self, id: JobId) -> JobInfo {
        until("the job to end", async || Some(self.job(id).await).filter(|job| job.state.is_final())).await
    }

    /// Cancels a job.
    pub async fn cancel(&self, id: JobId) -> Reply {
        self.delete(&format!("/api/jobs/{id}")).await
    }

    /// The job's events after a place, as server-sent events.
    ///
    /// # Panics
    /// When the realm refuses.
    pub async fn events(&self, id: JobId, after: u64) -> EventStream {
        let route = format!("/api/jobs/{id}/events?after={after}");
        let request = self.http.get(self.url(&route)).headers(self.proof("GET", &route, &[]));
        let response = within("the events to begin", request.send()).await.unwrap();
        assert_eq!(response.status(), 200, "events of {id}");
        EventStream::new(response)
    }

    /// This wallet's balance.
    pub async fn balance(&self) -> WalletInfo {
        self.get(&format!("/api/wallets/{}", self.did)).await.json()
    }

    /// This wallet's jobs that have these words.
    pub async fn history(&self, words: &str) -> JobPage {
        self.get(&format!("/api/wallets/{}/jobs?q={words}", self.did)).await.json()
    }

    /// What came in and went out, the newest first.
    pub async fn movements(&self) -> MovementPage {
        self.get(&format!("/api/wallets/{}/movements", self.did)).await.json()
    }

    fn url(&self, route: &str) -> String {
        format!("http://{}{route}", self.address)
    }
}

impl Reply {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body of an answer that says yes.
    ///
    /// # Panics
    /// When it says no, or something else than was expected.
    pub fn json<T: DeserializeOwned>(&self) -> T {
        assert!((200..300).contains(&self.status), "status {}: {}", self.status, self.text());
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {}", self.text()))
    }

    /// The body of an answer that says no in its own way.
    ///
    /// # Panics
    /// When it says yes, or what it says is no JSON.
    pub fn json_of_refusal(&self) -> serde_json::Value {
        assert!(self.status >= 400, "status {}: {}", self.status, self.text());
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {}", self.text()))
    }

    /// The problem that an answer tells, which must be of this kind, told as RFC 9457 says, and explain itself.
    ///
    /// # Panics
    /// When it is not.
    pub fn problem(&self, kind: ProblemKind) -> Problem {
        let problem: Problem = serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("status {}, {error} in {}", self.status, self.text()));
        assert_eq!(problem.known_kind(), Some(kind), "{}", self.text());
        assert_eq!((self.status, problem.status), (kind.status(), kind.status()), "{}", self.text());
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert!(!problem.detail.is_empty(), "it says what is wrong: {}", self.text());
        problem
    }

    /// A header's value, empty when it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// A question, with an id of its own.
pub fn question(text: &str) -> Submit {
    let mut submit = Submit::new(Intent::any_model(Task::Chat(ChatTask::question(text))));
    submit.id = Some(JobId::generate());
    submit
}

/// Headers by their names.
pub(crate) fn header_map(list: &[(&'static str, &str)]) -> HeaderMap {
    let header = |(name, value): &(&'static str, &str)| {
        (HeaderName::from_static(name), HeaderValue::from_str(value).expect("a value that a header can hold"))
    };
    list.iter().map(header).collect()
}

/// The headers of a signature.
fn headers_of(signature: &SignatureHeaders) -> HeaderMap {
    let mut headers =
        header_map(&[("signature-input", &signature.signature_input), ("signature", &signature.signature)]);
    if let Some(digest) = &signature.content_digest {
        headers.extend(header_map(&[("content-digest", digest)]));
    }
    headers
}

async fn read(response: reqwest::Response) -> reqwest::Result<Reply> {
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Ok(Reply { status, headers, body: response.bytes().await?.to_vec() })
}
