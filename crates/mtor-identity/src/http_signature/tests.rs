use super::*;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;

const NOW: u64 = 1_767_225_600;
const NONCE: &str = "0pXq1vJxkYl2bWm5cT7dZg";

const POST: RequestParts<'static> = RequestParts {
    method: "POST",
    authority: "127.0.0.1:9000",
    path: "/api/jobs",
    query: Some("after=3"),
    body: b"{\"intent\":\"chat\"}",
};

const GET: RequestParts<'static> =
    RequestParts { method: "GET", authority: "realm.example", path: "/api/queue", query: None, body: b"" };

fn wallet() -> Keypair {
    Keypair::from_seed([2; 32])
}

fn signed(request: &RequestParts<'_>) -> SignatureHeaders {
    sign_request(&wallet(), request, NOW, NONCE).unwrap()
}

fn verify(request: &RequestParts<'_>, headers: &SignatureHeaders) -> Result<Verified, HttpSignatureError> {
    verify_request(request, headers, NOW, 60)
}

/// Headers as an honest signer of other habits makes them: any Signature-Input, and a true signature over it.
fn signed_as(request: &RequestParts<'_>, input: &str) -> SignatureHeaders {
    let digest = (!request.body.is_empty()).then(|| content_digest(request.body));
    let (label, member) = parse_dictionary(input).unwrap().remove(0);
    let Member::List(list) = member else { panic!("no inner list: {input}") };
    let components = list.items.iter().map(|(item, _)| match item {
        Bare::String(name) => {
            (name.as_str(), component_value(name, request, digest.as_deref()).unwrap_or_default())
        }
        _ => panic!("no string: {item}"),
    });
    let base = signature_base(components, &list.to_string());
    let bytes = Bare::Bytes(wallet().sign(base.as_bytes()).to_bytes().to_vec());
    SignatureHeaders {
        signature_input: input.to_owned(),
        signature: format!("{label}={bytes}"),
        content_digest: digest,
    }
}

/// RFC 9421, appendix B.2.6, with test-key-ed25519 of appendix B.1.4.
#[test]
fn the_base_and_signature_of_the_rfc_come_out() {
    let input = "sig-b26=(\"date\" \"@method\" \"@path\" \"@authority\" \"content-type\" \"content-length\")\
                 ;created=1618884473;keyid=\"test-key-ed25519\"";
    let expected_base = "\"date\": Tue, 20 Apr 2021 02:07:55 GMT\n\
                         \"@method\": POST\n\
                         \"@path\": /foo\n\
                         \"@authority\": example.com\n\
                         \"content-type\": application/json\n\
                         \"content-length\": 18\n\
                         \"@signature-params\": (\"date\" \"@method\" \"@path\" \"@authority\" \"content-type\" \
                         \"content-length\");created=1618884473;keyid=\"test-key-ed25519\"";
    let request = RequestParts {
        method: "POST",
        authority: "Example.com",
        path: "/foo",
        query: Some("param=Value&Pet=dog"),
        body: b"{\"hello\": \"world\"}",
    };
    let fields = [
        ("date", "Tue, 20 Apr 2021 02:07:55 GMT"),
        ("content-type", "application/json"),
        ("content-length", "18"),
    ];
    let Some((_, Member::List(list))) = parse_dictionary(input).unwrap().pop() else {
        panic!("no inner list")
    };
    let components = list.items.iter().map(|(item, _)| {
        let Bare::String(name) = item else { panic!("no string") };
        let field = fields.iter().find(|(field, _)| field == name).map(|(_, value)| (*value).to_owned());
        (name.as_str(), field.or_else(|| component_value(name, &request, None)).unwrap())
    });
    let base = signature_base(components, &list.to_string());
    assert_eq!(base, expected_base);

    let seed = URL_SAFE_NO_PAD.decode("n4Ni-HpISpVObnQMW0wOhCKROaIKqKtW_2ZYb2p9KcU").unwrap();
    let public = URL_SAFE_NO_PAD.decode("JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs").unwrap();
    let key = Keypair::from_seed(seed.try_into().unwrap());
    assert_eq!(key.public().to_bytes().as_slice(), public);
    assert_eq!(
        Bare::Bytes(key.sign(base.as_bytes()).to_bytes().to_vec()).to_string(),
        ":wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:"
    );
}

/// The body and digest of RFC 9530, appendix B (and of RFC 9421's test request).
#[test]
fn the_digest_of_the_rfc_comes_out() {
    assert_eq!(
        content_digest(b"{\"hello\": \"world\"}"),
        "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:"
    );
}

#[test]
fn the_headers_stay_as_they_are() {
    let headers = signed(&POST);
    assert_eq!(
        headers.signature_input,
        format!(
            "mtor=(\"@method\" \"@authority\" \"@path\" \"@query\" \"content-digest\");created=1767225600\
             ;expires=1767225660;nonce=\"{NONCE}\";keyid=\"{}\";alg=\"ed25519\";tag=\"mtor\"",
            wallet().did()
        )
    );
    assert!(signed(&GET).signature_input.starts_with("mtor=(\"@method\" \"@authority\" \"@path\");"));
    assert_eq!(signed(&GET).content_digest, None);
}

#[test]
fn a_signed_request_is_its_signers() {
    for request in [POST, GET, RequestParts { query: Some(""), ..GET }, RequestParts { path: "", ..GET }] {
        let verified = verify(&request, &signed(&request)).unwrap();
        let expected =
            Verified { did: wallet().did(), key: wallet().public(), nonce: NONCE.into(), expires: NOW + 60 };
        assert_eq!(verified, expected);
    }
    let upper = RequestParts { authority: "REALM.example", ..GET };
    assert!(verify(&upper, &signed(&GET)).is_ok(), "the case of a host does not matter");
}

#[test]
fn no_part_of_the_request_can_be_changed() {
    use HttpSignatureError::{NotCovered, Signature, WrongDigest};
    let changes = [
        (RequestParts { method: "PUT", ..POST }, Signature),
        (RequestParts { method: "post", ..POST }, Signature),
        (RequestParts { authority: "127.0.0.1:9001", ..POST }, Signature),
        (RequestParts { path: "/api/jobs/", ..POST }, Signature),
        (RequestParts { query: Some("after=4"), ..POST }, Signature),
        (RequestParts { query: Some(""), ..POST }, Signature),
        (RequestParts { query: None, ..POST }, Signature),
        (RequestParts { body: b"{\"intent\":\"draw\"}", ..POST }, WrongDigest),
        (RequestParts { body: b"", ..POST }, WrongDigest),
    ];
    for (changed, error) in changes {
        assert_eq!(verify(&changed, &signed(&POST)), Err(error), "{changed:?}");
    }
    assert_eq!(verify(&RequestParts { query: Some(""), ..GET }, &signed(&GET)), Err(NotCovered("@query")));
    let with_body = SignatureHeaders { content_digest: Some(content_digest(b"x")), ..signed(&GET) };
    assert_eq!(verify(&RequestParts { body: b"x", ..GET }, &with_body), Err(NotCovered("content-digest")));
}

#[test]
fn no_parameter_can_be_changed() {
    let headers = signed(&POST);
    let other = Keypair::from_seed([3; 32]).did();
    let changes = [
        ("created=1767225600", "created=1767225599".to_owned()),
        ("expires=1767225660", "expires=1767225661".to_owned()),
        ("0pXq", "0pXr".to_owned()),
        (wallet().did().as_str(), other.to_string()),
        ("\"@method\" \"@authority\"", "\"@authority\" \"@method\"".to_owned()),
        (";tag=\"mtor\"", ";tag=\"mtor\";extra".to_owned()),
        (";alg=\"ed25519\";tag=\"mtor\"", ";tag=\"mtor\";alg=\"ed25519\"".to_owned()),
    ]
    .map(|(from, to)| headers.signature_input.replace(from, &to));
    for signature_input in changes {
        assert_ne!(signature_input, headers.signature_input);
        let changed = SignatureHeaders { signature_input, ..headers.clone() };
        assert_eq!(verify(&POST, &changed), Err(HttpSignatureError::Signature), "{changed:?}");
    }
    let two_digests = format!("{}, sha-512=:AAAA:", headers.content_digest.clone().unwrap());
    let changed = SignatureHeaders { content_digest: Some(two_digests), ..headers };
    assert_eq!(verify(&POST, &changed), Err(HttpSignatureError::Signature));
}

#[test]
fn every_component_has_to_be_covered() {
    let headers = signed(&POST);
    for name in ["@method", "@authority", "@path", "@query", "content-digest"] {
        let less = headers.signature_input.replace(&format!("\"{name}\""), "").replace("  ", " ");
        assert_eq!(verify(&POST, &signed_as(&POST, &less)), Err(HttpSignatureError::NotCovered(name)));
    }
    let none = headers
        .signature_input
        .replace("\"@method\" \"@authority\" \"@path\" \"@query\" \"content-digest\"", "");
    assert_eq!(verify(&POST, &signed_as(&POST, &none)), Err(HttpSignatureError::NotCovered("@method")));

    for (extra, named) in [
        ("\"date\"", "\"date\""),
        ("\"@method\"", "\"@method\""),
        ("\"@query-param\";name=\"after\"", "\"@query-param\";name=\"after\""),
        ("\"@path\";req", "\"@path\";req"),
    ] {
        let more =
            headers.signature_input.replace("\"content-digest\"", &format!("\"content-digest\" {extra}"));
        assert_eq!(
            verify(&POST, &signed_as(&POST, &more)),
            Err(HttpSignatureError::UnknownComponent(named.to_owned()))
        );
    }
}

#[test]
fn every_parameter_has_to_be_there() {
    let input = signed(&POST).signature_input;
    for name in ["created", "expires", "nonce", "keyid", "alg"] {
        let absent = input.replace(&format!(";{name}="), ";other=");
        assert_eq!(verify(&POST, &signed_as(&POST, &absent)), Err(HttpSignatureError::Parameter(name)));
        let start = input.find(&format!(";{name}=")).unwrap() + name.len() + 2;
        let end = start + input[start..].find(';').unwrap();
        let mistyped = format!("{}token{}", &input[..start], &input[end..]);
        assert_eq!(verify(&POST, &signed_as(&POST, &mistyped)), Err(HttpSignatureError::Parameter(name)));
    }
    let negative = input.replace("created=", "created=-");
    assert_eq!(verify(&POST, &signed_as(&POST, &negative)), Err(HttpSignatureError::Parameter("created")));
    let rsa = input.replace("\"ed25519\"", "\"hmac-sha256\"");
    assert_eq!(
        verify(&POST, &signed_as(&POST, &rsa)),
        Err(HttpSignatureError::Algorithm("hmac-sha256".to_owned()))
    );
    let nobody = input.replace("did:key:", "did:web:");
    assert_eq!(
        verify(&POST, &signed_as(&POST, &nobody)),
        Err(HttpSignatureError::Signer(DidError::NotDidKey))
    );
    let short = input.replace(NONCE, "1");
    assert_eq!(verify(&POST, &signed_as(&POST, &short)), Err(HttpSignatureError::Nonce));
    for tag in [";tag=\"other\"", "", ";tag=mtor"] {
        let untagged = input.replace(";tag=\"mtor\"", tag);
        assert_eq!(verify(&POST, &signed_as(&POST, &untagged)), Err(HttpSignatureError::NoSignature));
    }
}

#[test]
fn times_are_sane() {
    let headers = signed(&GET);
    let at = |now, max_age| verify_request(&GET, &headers, now, max_age).map(|verified| verified.expires);
    assert_eq!(at(NOW, 300), Ok(NOW + 60));
    assert_eq!(at(NOW + 60, 300), Ok(NOW + 60));
    assert_eq!(at(NOW + 61, 300), Err(HttpSignatureError::Expired { late_s: 1 }));
    assert_eq!(at(NOW + 10, 10), Ok(NOW + 10));
    assert_eq!(at(NOW + 11, 10), Err(HttpSignatureError::Expired { late_s: 1 }));
    assert_eq!(at(NOW - 30, 300), Ok(NOW + 60));
    assert_eq!(at(NOW - 31, 300), Err(HttpSignatureError::FromTheFuture { ahead_s: 31 }));
    assert_eq!(at(u64::MAX, u64::MAX), Err(HttpSignatureError::Expired { late_s: u64::MAX - NOW - 60 }));

    let endless = headers.signature_input.replace("expires=1767225660", "expires=999999999999999");
    let verified = verify(&GET, &signed_as(&GET, &endless)).unwrap();
    assert_eq!(verified.expires, NOW + 60, "the verifier's own limit holds");
}

#[test]
fn other_signatures_are_left_alone_and_two_of_ours_refused() {
    let headers = signed(&GET);
    let beside = SignatureHeaders {
        signature_input: format!("proxy=(\"@status\";req);tag=\"proxy\", {}", headers.signature_input),
        signature: format!("proxy=:AAAA:, {}", headers.signature),
        content_digest: None,
    };
    assert!(verify(&GET, &beside).is_ok());
    let renamed = SignatureHeaders {
        signature_input: headers.signature_input.replacen("mtor=", "sig1=", 1),
        signature: headers.signature.replacen("mtor=", "sig1=", 1),
        content_digest: None,
    };
    assert!(verify(&GET, &renamed).is_ok(), "the tag counts, not the label");
    let twice = SignatureHeaders {
        signature_input: format!("{}, {}", headers.signature_input, renamed.signature_input),
        ..headers.clone()
    };
    assert_eq!(verify(&GET, &twice), Err(HttpSignatureError::Ambiguous));
    let apart = SignatureHeaders { signature: renamed.signature, ..headers };
    assert_eq!(verify(&GET, &apart), Err(HttpSignatureError::NoSignature));
}

#[test]
fn malformed_headers_are_named() {
    let good = signed(&POST);
    let with_input = |text: &str| SignatureHeaders { signature_input: text.to_owned(), ..good.clone() };
    let with_signature = |text: &str| SignatureHeaders { signature: text.to_owned(), ..good.clone() };
    let with_digest = |text: &str| SignatureHeaders { content_digest: Some(text.to_owned()), ..good.clone() };
    use HttpSignatureError::{Malformed, NoDigest, NoSignature, Signature, TooLong, WrongDigest};
    let long = "a".repeat(HTTP_HEADER_BYTES_MAX + 1);
    let cases = [
        (with_input(""), NoSignature),
        (with_input("mtor=("), Malformed { header: "Signature-Input", at: 6 }),
        (with_input(&long), TooLong { header: "Signature-Input" }),
        (with_signature(""), NoSignature),
        (with_signature("mtor"), NoSignature),
        (with_signature("mtor=:AAAA:"), Signature),
        (with_signature("mtor=:AAAA"), Malformed { header: "Signature", at: 10 }),
        (with_signature(&long), TooLong { header: "Signature" }),
        (with_digest(""), NoDigest),
        (with_digest("sha-512=:AAAA:"), NoDigest),
        (with_digest("sha-256=:AAAA:"), WrongDigest),
        (with_digest("sha-256"), NoDigest),
        (with_digest("sha-256=:AA"), Malformed { header: "Content-Digest", at: 11 }),
        (with_digest(&long), TooLong { header: "Content-Digest" }),
        (SignatureHeaders { content_digest: None, ..good.clone() }, NoDigest),
    ];
    for (headers, error) in cases {
        assert_eq!(verify(&POST, &headers), Err(error), "{headers:?}");
    }
}

#[test]
fn what_can_not_be_sent_is_not_signed() {
    let sign = |request: &RequestParts<'_>, created, nonce: &str| {
        sign_request(&wallet(), request, created, nonce).map(|_| ())
    };
    let injected = "/a\n\"@query\": ?admin=1";
    let part = |part| Err(HttpSignatureError::Request { part });
    assert_eq!(sign(&RequestParts { path: injected, ..GET }, NOW, NONCE), part("path"));
    assert_eq!(sign(&RequestParts { method: "GET ", ..GET }, NOW, NONCE), part("method"));
    assert_eq!(sign(&RequestParts { authority: "a\r", ..GET }, NOW, NONCE), part("authority"));
    assert_eq!(sign(&RequestParts { query: Some("ä"), ..GET }, NOW, NONCE), part("query"));
    assert_eq!(verify(&RequestParts { path: injected, ..GET }, &signed(&GET)).map(|_| ()), part("path"));
    assert_eq!(sign(&GET, NOW, "short"), Err(HttpSignatureError::Nonce));
    assert_eq!(sign(&GET, NOW, &"n".repeat(HTTP_NONCE_CHARS_MAX + 1)), Err(HttpSignatureError::Nonce));
    assert_eq!(sign(&GET, NOW, "sixteen letters\n"), Err(HttpSignatureError::Nonce));
    assert!(matches!(sign(&GET, u64::MAX, NONCE), Err(HttpSignatureError::Time(_))));
}

proptest! {
    #[test]
    fn what_is_signed_verifies(
        seed: [u8; 32],
        method in "[A-Z]{1,8}",
        authority in "[a-zA-Z0-9.:-]{1,30}",
        path in "(/[!-~&&[^?#]]{0,20}){0,3}",
        query in proptest::option::of("[!-~&&[^#]]{0,30}"),
        body: Vec<u8>,
        nonce in "[ -~]{16,40}",
        created in 0u64..999_999_999_000,
    ) {
        let request = RequestParts {
            method: &method, authority: &authority, path: &path, query: query.as_deref(), body: &body,
        };
        let keypair = Keypair::from_seed(seed);
        let headers = sign_request(&keypair, &request, created, &nonce).unwrap();
        let verified = verify_request(&request, &headers, created + 5, 60).unwrap();
        prop_assert_eq!(verified.key, keypair.public());
        prop_assert_eq!(verified.nonce, nonce);
    }

    #[test]
    fn no_changed_byte_of_a_header_changes_the_signer(which in 0usize..3, position: usize, byte in b' '..=b'~') {
        let mut headers = signed(&POST);
        let header = match which {
            0 => &mut headers.signature_input,
            1 => &mut headers.signature,
            _ => headers.content_digest.as_mut().unwrap(),
        };
        let position = position % header.len();
        header.replace_range(position..=position, char::from(byte).encode_utf8(&mut [0; 4]));
        if let Ok(verified) = verify(&POST, &headers) {
            prop_assert_eq!(verified.key, wallet().public());
            prop_assert_eq!(verified.nonce, NONCE);
            prop_assert_eq!(verified.expires, NOW + 60);
        }
    }

    #[test]
    fn arbitrary_headers_never_panic(signature_input: String, signature: String, digest: Option<String>) {
        let headers = SignatureHeaders { signature_input, signature, content_digest: digest };
        prop_assert!(verify(&POST, &headers).is_err());
    }
}
